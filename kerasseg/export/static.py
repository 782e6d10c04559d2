"""The form of a model that gets exported: one image, one size, inference."""

import contextlib
import dataclasses
import functools
import re

import keras
import numpy as np

from kerasseg.export.coarse import Coarse
from kerasseg.export.coarse import split
from kerasseg.export.errors import ExportError
from kerasseg.export.variant import Variant
from kerasseg.export.variant import check_classes
from kerasseg.export.variant import with_images

MIN_SIZE = 32


@dataclasses.dataclass(frozen=True)
class Source:
    """A model with the one input shape that it is exported for.

    Args:
        model: `keras.Model` that computes in float32.
        shape: `(1, height, width, channels)` of the input.
        variant: What the file shall be like. Defaults to float32 logits.
        notes: Sentences on how `model` differs from the user's. Defaults to
            none.
    """

    model: keras.Model
    shape: tuple[int, int, int, int]
    variant: Variant = Variant()
    notes: tuple[str, ...] = ()

    def logits(self, images) -> np.ndarray:
        """Runs the Keras model, outside of any graph.

        Args:
            images: Array `(1, height, width, channels)`, values 0..255.

        Returns:
            Array of logits.
        """
        images = np.asarray(images, "float32")
        if keras.backend.backend() == "tensorflow":
            # Accelerators round their convolutions; the reference must not.
            with keras.device("cpu:0"):
                logits = self.model(images, training=False)
        else:
            logits = self.model(images, training=False)
        return keras.ops.convert_to_numpy(logits)

    @property
    def file_shape(self) -> tuple[int, ...]:
        """Shape of the file's input, in its layout."""
        return self.variant.file_shape(self.shape)

    @property
    def num_classes(self) -> int:
        """Number of classes of the model."""
        return _num_classes(self)

    @property
    def layer_names(self) -> set[str]:
        """Names of the layers of the model, and of the models in it."""
        return {layer.name for layer in _all_layers(self.model)}

    def layers_with(self, attribute: str) -> list[keras.layers.Layer]:
        """Layers of the model that an exporter has a say in.

        Args:
            attribute: Name of the attribute or method that they have.

        Returns:
            The layers, those of models in the model too.
        """
        return [x for x in _all_layers(self.model) if hasattr(x, attribute)]

    def calibration_batches(self, count=None):
        """Reads the calibration images in the layout of the file.

        Args:
            count: How many to read at most, evenly spread over all, or
                `None` for all. Defaults to `None`.

        Yields:
            `float32` arrays of `file_shape`.
        """
        for images in self.variant.calibration.batches(count):
            if self.variant.layout == "NCHW":
                images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
            yield images

    def served(self, images):
        """Computes what the file returns, as part of a graph.

        Args:
            images: Tensor in the layout of the file.

        Returns:
            Tensor of logits in that layout, or of class ids
            `(1, height, width)`, `uint8`.
        """
        first = self.variant.layout == "NCHW"
        if first:
            images = keras.ops.transpose(images, (0, 2, 3, 1))
        if self.variant.coarse:
            cells = _class_ids(self.coarse.model(images, training=False))
            return self.coarse.spread(cells, self.shape[1:3])
        logits = self.model(images, training=False)
        if self.variant.output == "mask":
            return _class_ids(logits)
        return keras.ops.transpose(logits, (0, 3, 1, 2)) if first else logits

    def wrapped(self) -> keras.Model:
        """Builds a Keras model that returns what the file returns.

        Returns:
            The model itself where nothing is added to it.
        """
        if (self.variant.output, self.variant.layout) == ("logits", "NHWC"):
            return self.model
        images = keras.Input(batch_shape=self.file_shape, name="images")
        return keras.Model(images, self.served(images))

    @functools.cached_property
    def coarse(self) -> Coarse:
        """The model without its last upsampling."""
        return split(self.model)

    @property
    def stride(self) -> int:
        """Pixels per side of what gets a class id of its own."""
        return self.coarse.stride if self.variant.coarse else 1

    @functools.cached_property
    def traced(self):
        """The model as a `tf.function` of one static shape."""
        import tensorflow as tf

        signature = tf.TensorSpec(self.file_shape, tf.float32, name="images")

        def serve(images):
            return {self.variant.output: self.served(images)}

        foldable = self.layers_with("fold")
        function = tf.function(
            serve, input_signature=[signature], autograph=False
        )
        try:
            for layer in foldable:
                layer.fold()
            with _nothing_compiled():
                function.get_concrete_function()
        except Exception as error:
            raise ExportError(
                f"The model cannot be traced for images of shape "
                f"{self.shape}: {first_line(error)}"
            ) from error
        finally:
            for layer in foldable:
                layer.unfold()
        return function

    def trace_for(self, target: str):
        """Traces the model in the form that is fast in a format.

        Args:
            target: Name of the format.

        Returns:
            `traced`.
        """
        adapting = self.layers_with("export_target")
        try:
            for layer in adapting:
                layer.export_target = target
            return self.traced
        finally:
            for layer in adapting:
                layer.export_target = None

    def constants(self) -> dict[str, np.ndarray]:
        """Reads the tensors that layers keep besides their variables.

        Returns:
            The values, by the names that the traced model has for them.
        """
        captures = self.traced.get_concrete_function().graph.captures
        return {
            inner.name: outer.numpy()
            for outer, inner in captures
            if outer.dtype != "resource"
        }

    def updated_variables(self) -> list[str]:
        """Names the variables that the traced model writes to.

        Batch normalisation in training mode does that; a model in inference
        mode never does.

        Returns:
            Sorted list of variable names.
        """
        concrete = self.traced.get_concrete_function()
        names = {id(v.handle): v.name for v in concrete.variables}
        captures = {
            inner.name: names.get(id(outer), inner.name)
            for outer, inner in concrete.graph.captures
        }
        return sorted(
            {
                captures.get(op.inputs[0].name, op.inputs[0].name)
                for op in concrete.graph.get_operations()
                if op.type.startswith("Assign") and op.inputs
            }
        )


@contextlib.contextmanager
def _nothing_compiled():
    """Has Keras trace what it would have XLA compile.

    Grouped convolutions are such. Compiled, they are out of reach for
    converters, and slower on a CPU.
    """
    import tensorflow as tf

    function = tf.function

    def plain(*args, jit_compile=None, **kwargs):
        if jit_compile and not args:
            return lambda traced: traced
        return function(*args, jit_compile=jit_compile, **kwargs)

    tf.function = plain
    try:
        yield
    finally:
        tf.function = function


def make_source(model, image_shape=None, variant=None) -> Source:
    """Checks a model and fixes the input shape of its exported form.

    Args:
        model: `keras.Model` from one batch of images to logits
            `(batch, height, width, num_classes)`.
        image_shape: `(height, width)` or `(height, width, channels)`, or
            `None` to take the one that the model was built for. Defaults to
            `None`.
        variant: `Variant` to export, or `None` for float32 logits. Defaults
            to `None`.

    Returns:
        A `Source` in float32.

    Raises:
        TypeError: If `model` is not a Keras model.
        ValueError: If the model or the shape cannot be exported.
    """
    if not isinstance(model, keras.Model):
        raise TypeError(
            f"`model` must be a keras.Model. Received: model={model!r} "
            f"(of type {type(model).__name__})"
        )
    shape = (1, *_resolve_shape(_built_shape(model), image_shape))
    model, notes = _in_float32(model)
    variant = variant or Variant()
    source = Source(model, shape, variant, notes)
    check_classes(variant, source.num_classes)
    if variant.coarse:
        split(model)
    return dataclasses.replace(source, variant=with_images(variant, shape))


def first_line(error: BaseException) -> str:
    """Shortens the message of a converter's exception.

    Args:
        error: The exception.

    Returns:
        Its first line that is not empty, or the name of its type.
    """
    text = re.sub(r"\x1b\[\d*m", "", str(error))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    # Keras names the layer first and the reason after it.
    told = 2 if text.startswith("Exception encountered") else 1
    text = " ".join(lines[:told]) or type(error).__name__
    return text if len(text) <= 300 else text[:297] + "..."


def _built_shape(model):
    inputs = getattr(model, "inputs", None)
    if not inputs:
        return None, None, None, None
    if len(inputs) != 1 or len(inputs[0].shape) != 4:
        shapes = [tuple(tensor.shape) for tensor in inputs]
        raise ValueError(
            f"`model` must have one input of shape (batch, height, width, "
            f"channels). Received: model with inputs {shapes}"
        )
    return tuple(inputs[0].shape)


def _resolve_shape(built, image_shape):
    if built[0] not in (None, 1):
        raise ValueError(
            f"`model` must accept a batch of one image. Received: model "
            f"built for input shape {built}"
        )
    if image_shape is None:
        if None in built[1:]:
            raise ValueError(
                f"`image_shape` must be (height, width), since the model "
                f"accepts any size and a file has one. Received: "
                f"image_shape=None, model built for {built[1:]}"
            )
        shape = built[1:]
    else:
        shape = _checked_sizes(image_shape)
        if len(shape) == 2:
            shape = (*shape, built[3] or 3)
    fits = all(b in (None, s) for b, s in zip(built[1:], shape, strict=True))
    if not fits:
        raise ValueError(
            f"`image_shape` must agree with the shape {built[1:]} that the "
            f"model was built for. Received: image_shape={image_shape}"
        )
    if min(shape[:2]) < MIN_SIZE:
        raise ValueError(
            f"`image_shape` must be at least {MIN_SIZE} by {MIN_SIZE}. "
            f"Received: image_shape={shape}"
        )
    return shape


def _checked_sizes(image_shape):
    try:
        shape = tuple(int(size) for size in image_shape)
        valid = len(shape) in (2, 3) and all(
            size == given and size > 0
            for size, given in zip(shape, image_shape, strict=True)
        )
    except (TypeError, ValueError):
        valid = False
    if not valid:
        raise ValueError(
            f"`image_shape` must be (height, width) or (height, width, "
            f"channels). Received: image_shape={image_shape!r}"
        )
    return shape


def _in_float32(model):
    """Returns the model, rebuilt in float32 if it computes in another."""
    if not any(
        layer.compute_dtype in ("float16", "bfloat16")
        for layer in _all_layers(model)
    ):
        return model, ()
    config = _float32_config(model.get_config())
    rebuilt = model.__class__.from_config(config)
    rebuilt.set_weights([np.asarray(w, "float32") for w in _weights(model)])
    return rebuilt, ("Rebuilt in float32 from mixed precision.",)


def _all_layers(model):
    for layer in model.layers:
        yield layer
        if hasattr(layer, "layers"):
            yield from _all_layers(layer)


def _weights(model):
    return [keras.ops.convert_to_numpy(v.value) for v in model.weights]


def _float32_config(config):
    if isinstance(config, dict):
        if config.get("class_name") in ("DTypePolicy", "FloatDTypePolicy"):
            return {**config, "config": {"name": "float32"}}
        return {
            key: "float32"
            if key == "dtype" and isinstance(value, str) and "float" in value
            else _float32_config(value)
            for key, value in config.items()
        }
    if isinstance(config, list | tuple):
        return type(config)(_float32_config(value) for value in config)
    return config


def _class_ids(logits):
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # Keras' own argmax adds operators that tell zero from minus zero.
        ids = tf.argmax(logits, axis=-1, output_type=tf.int32)
        return tf.cast(ids, tf.uint8)
    return keras.ops.cast(keras.ops.argmax(logits, axis=-1), "uint8")


def _num_classes(source):
    outputs = getattr(source.model, "outputs", None)
    if not outputs:
        blank = np.zeros(source.shape, "float32")
        outputs = keras.tree.flatten(source.model(blank, training=False))
    shapes = [tuple(tensor.shape) for tensor in outputs]
    if len(shapes) != 1 or len(shapes[0]) != 4:
        raise ValueError(
            f"`model` must have one output, logits of shape (batch, height, "
            f"width, num_classes). Received: model with outputs {shapes}"
        )
    return shapes[0][-1]
