"""Padding to multiples of a stride, and the crop that undoes it."""

import keras
from keras import ops

from kerasseg.arguments import check_integer


@keras.saving.register_keras_serializable("kerasseg")
class PadToMultiple(keras.layers.Layer):
    """Pads images at the bottom and right to a multiple of a stride.

    Args:
        multiple: Integer >= 1. What height and width are to divide by.
            Defaults to 32.
        value: Float. Padding value, in the units of the input. Defaults to
            127.5, the middle of 0..255.
        minimum: Integer. Smallest height and width accepted. Defaults to 32.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        `(batch, ceil(height / multiple) * multiple,
        ceil(width / multiple) * multiple, channels)`.

    Raises:
        ValueError: If `multiple` is not an integer of 1 or more, or a known
            height or width is under `minimum`.
    """

    def __init__(self, multiple=32, value=127.5, minimum=32, **kwargs):
        super().__init__(**kwargs)
        self.input_spec = keras.InputSpec(ndim=4)
        self.multiple = check_integer("multiple", multiple)
        self.value = value
        self.minimum = check_integer("minimum", minimum)

    def build(self, input_shape):
        self._check(input_shape)

    def call(self, inputs):
        self._check(inputs.shape)
        height, width = ops.shape(inputs)[1:3]
        bottom, right = -height % self.multiple, -width % self.multiple
        known = isinstance(bottom, int) and isinstance(right, int)
        if known and bottom == right == 0:
            return inputs
        return ops.pad(
            inputs,
            ((0, 0), (0, bottom), (0, right), (0, 0)),
            constant_values=self.value,
        )

    def _check(self, shape):
        if any(n is not None and n < self.minimum for n in shape[1:3]):
            raise ValueError(
                "`images` must have a height and width of "
                f"{self.minimum} pixels or more. "
                f"Received: images.shape={tuple(shape)}"
            )

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        self._check(input_shape)
        return (
            batch,
            None if height is None else height + -height % self.multiple,
            None if width is None else width + -width % self.multiple,
            channels,
        )

    def get_config(self):
        return {
            **super().get_config(),
            "multiple": self.multiple,
            "value": self.value,
            "minimum": self.minimum,
        }


@keras.saving.register_keras_serializable("kerasseg")
class CropToMatch(keras.layers.Layer):
    """Crops a map at the bottom and right to the size of the images.

    Input shape:
        A list `[maps, images]`: `(batch, height, width, channels)` and
        `(batch, image_height, image_width, any)`, the second no larger.

    Output shape:
        `(batch, image_height, image_width, channels)`.
    """

    def build(self, input_shape):
        pass

    def call(self, inputs):
        maps, images = inputs
        height, width = ops.shape(images)[1:3]
        if maps.shape[1:3] == (height, width):
            return maps
        return maps[:, :height, :width, :]

    def compute_output_shape(self, input_shape):
        maps, images = input_shape
        return (*maps[:1], *images[1:3], maps[3])
