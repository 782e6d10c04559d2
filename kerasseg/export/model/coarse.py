"""Class ids chosen before the last upsampling, for blocks of pixels."""

import dataclasses

import keras

# The names under which Keras stores the layers in files.
INTERPOLATING = (
    "kerasseg>BilinearUpSampling2D",
    "kerasseg>BilinearConv2DTranspose",
    "UpSampling2D",
)
KEEPING = ("kerasseg>CropToMatch", "kerasseg>FakeQuantize")


@dataclasses.dataclass(frozen=True)
class Coarse:
    """A model without its last upsampling.

    Args:
        model: `keras.Model` from images to logits of blocks; it shares the
            weights of the whole model.
        stride: Pixels per side of a block.
    """

    model: keras.Model
    stride: int

    def spread(self, ids, size):
        """Gives each pixel the class id of its block.

        Args:
            ids: Tensor `(1, rows, columns)` of class ids.
            size: `(height, width)` of the images; a block may stick out at
                the bottom and right.

        Returns:
            Tensor `(1, height, width)`.
        """
        rows, columns = ids.shape[1:3]
        # Tiling at rank 4 is no resize, and every runtime has it.
        ids = keras.ops.reshape(ids, (rows, 1, columns, 1))
        ids = keras.ops.tile(ids, (1, self.stride, 1, self.stride))
        whole = (1, rows * self.stride, columns * self.stride)
        return keras.ops.reshape(ids, whole)[:, : size[0], : size[1]]


def split(model) -> Coarse:
    """Removes the last upsampling of a model.

    Args:
        model: `keras.Model` that ends with an interpolation by a whole
            number, optionally a crop, and nothing that changes values.

    Returns:
        `Coarse`.

    Raises:
        ValueError: If the model ends with something else.
    """
    layer, passed = _producer(model, model.outputs[0]), []
    while layer is not None and _keeps_values(layer):
        passed.append(layer.name)
        inputs = keras.tree.flatten(layer.input)
        layer = _producer(model, inputs[0])
    stride = None if layer is None else _stride(layer)
    if stride is None:
        found = [*passed, *([layer.name] if layer is not None else [])]
        raise ValueError(
            f"`output` must be 'logits' or 'mask' for a model that does not "
            f"end with a bilinear upsampling by a whole number. Received: "
            f"output='coarse_mask' for a model that ends with "
            f"{', '.join(reversed(found))}"
        )
    return Coarse(keras.Model(model.inputs[0], layer.input), stride)


def _producer(model, tensor):
    for layer in model.layers:
        try:
            outputs = keras.tree.flatten(layer.output)
        except AttributeError:  # A layer that was called more than once.
            continue
        if any(output is tensor for output in outputs):
            return layer
    return None


def _keeps_values(layer):
    linear = isinstance(layer, keras.layers.Activation) and (
        layer.activation is keras.activations.linear
    )
    return linear or _registered(layer) in KEEPING


def _stride(layer):
    if _registered(layer) not in INTERPOLATING:
        return None
    if not isinstance(layer, keras.layers.UpSampling2D):
        return (
            layer.strides
            if getattr(layer, "padding", "same") == "same"
            else None
        )
    rows, columns = layer.size
    usual = rows == columns and layer.interpolation == "bilinear"
    return rows if usual else None


def _registered(layer):
    return keras.saving.get_registered_name(type(layer))
