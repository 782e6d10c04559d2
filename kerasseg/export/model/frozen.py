"""The form of a model that gets exported: one image, one size, inference."""

import dataclasses
import functools

import keras
import numpy as np

from kerasseg.arguments import check_channels
from kerasseg.export.forms.borrowed import Borrowed
from kerasseg.export.forms.functional_copy import with_forms
from kerasseg.export.model.coarse import Coarse
from kerasseg.export.model.coarse import split
from kerasseg.export.options import ExportOptions


@dataclasses.dataclass(frozen=True)
class FrozenModel:
    """A model with the one input shape that it is exported for.

    Args:
        model: `keras.Model` that computes in float32.
        shape: `(1, height, width, channels)` of the input.
        options: What the file shall be like. Defaults to float32 logits.
        notes: Sentences on how `model` differs from the user's. Defaults to
            none.
    """

    model: keras.Model
    shape: tuple[int, int, int, int]
    options: ExportOptions = ExportOptions()
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
        return self.options.file_shape(self.shape)

    @property
    def num_classes(self) -> int:
        """Number of classes of the model, whose outputs are checked."""
        return _num_classes(self)

    @property
    def layer_names(self) -> set[str]:
        """Names of the layers of the model, and of the models in it."""
        return {layer.name for layer in all_layers(self.model)}

    def calibration_batches(self, count=None):
        """Reads the calibration images in the layout of the file.

        Args:
            count: How many to read at most, evenly spread over all, or
                `None` for all. Defaults to `None`.

        Yields:
            `float32` arrays of `file_shape`.
        """
        for images in self.options.calibration.batches(count):
            if self.options.layout == "NCHW":
                images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
            yield images

    def served(self, images, core=None):
        """Computes what the file returns, as part of a graph.

        Args:
            images: Tensor in the layout of the file.
            core: Function from images to logits, or to those of blocks for a
                coarse mask. Defaults to `core` of this model.

        Returns:
            Tensor of logits in that layout, or of class ids
            `(1, height, width)`, `uint8`.
        """
        core = core or self.core
        first = self.options.layout == "NCHW"
        if first:
            images = keras.ops.transpose(images, (0, 2, 3, 1))
        logits = core(images, training=False)
        if self.options.coarse:
            return self.coarse.spread(_class_ids(logits), self.shape[1:3])
        if self.options.output == "mask":
            return _class_ids(logits)
        return keras.ops.transpose(logits, (0, 3, 1, 2)) if first else logits

    def wrapped(self) -> keras.Model:
        """Builds a Keras model that returns what the file returns.

        Returns:
            The model itself where nothing is added to it.
        """
        core = with_forms(self.core, "keras")
        if (self.options.output, self.options.layout) == ("logits", "NHWC"):
            return core
        images = keras.Input(batch_shape=self.file_shape, name="images")
        return keras.Model(images, self.served(images, Borrowed(core)))

    @property
    def core(self) -> keras.Model:
        """The part of the model that the file holds."""
        return self.coarse.model if self.options.coarse else self.model

    @functools.cached_property
    def coarse(self) -> Coarse:
        """The model without its last upsampling."""
        return split(self.model)

    @property
    def stride(self) -> int:
        """Pixels per side of what gets a class id of its own."""
        return self.coarse.stride if self.options.coarse else 1


def all_layers(model):
    """Walks through a model.

    Args:
        model: `keras.Model`.

    Yields:
        Its layers, and those of the models in it.
    """
    for layer in model.layers:
        yield layer
        if hasattr(layer, "layers"):
            yield from all_layers(layer)


def _class_ids(logits):
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # Keras' own argmax adds operators that tell zero from minus zero.
        ids = tf.argmax(logits, axis=-1, output_type=tf.int32)
        return tf.cast(ids, tf.uint8)
    return keras.ops.cast(keras.ops.argmax(logits, axis=-1), "uint8")


def _num_classes(frozen):
    outputs = getattr(frozen.model, "outputs", None)
    if not outputs:
        blank = np.zeros(frozen.shape, "float32")
        outputs = keras.tree.flatten(frozen.model(blank, training=False))
    shapes = [tuple(tensor.shape) for tensor in outputs]
    if len(shapes) != 1 or len(shapes[0]) != 4:
        raise ValueError(
            f"`model` must have one output, logits of shape (batch, height, "
            f"width, num_classes). Received: model with outputs {shapes}"
        )
    check_channels("model", shapes[0])
    check_logits_size(shapes[0], frozen.shape)
    return shapes[0][-1]


def check_logits_size(logits_shape, image_shape) -> None:
    """Refuses logits that are not one for each pixel of the image.

    A program that reads the file takes each as that of a pixel.

    Args:
        logits_shape: `(batch, height, width, num_classes)`, `None` where not
            known.
        image_shape: `(1, height, width, channels)`.

    Raises:
        ValueError: If a height or width is known and another.
    """
    sizes = tuple(logits_shape[1:3]), tuple(image_shape[1:3])
    if any(n not in (None, m) for n, m in zip(*sizes, strict=True)):
        raise ValueError(
            f"`model` must return logits at the size of the image, "
            f"{sizes[1]}, since a program takes each as that of a pixel; "
            f"resize them in its last layer, such as "
            f"kerasseg.layers.BilinearUpSampling2D. Received: logits of "
            f"size {sizes[0]}"
        )
