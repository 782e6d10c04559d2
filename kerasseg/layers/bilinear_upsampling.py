"""Bilinear upsampling by a fixed factor."""

import keras
import numpy as np
from keras import ops

from kerasseg.arguments import check_choice
from kerasseg.arguments import check_integer


@keras.saving.register_keras_serializable("kerasseg")
class BilinearUpSampling2D(keras.layers.Layer):
    """Fixed bilinear upsampling, with zeros or the edge outside the map.

    With `border="zeros"`, equal to a transposed convolution with the bilinear
    kernel of size `2 * strides`, cropped by `strides / 2` per side: values
    fade toward the border (a constant 1 becomes 0.75 at an edge and 0.5625
    in a corner for a stride of 2). With `border="edge"`, the usual half-pixel
    resize. In the interior both are the same.

    `keras.layers.UpSampling2D` is the latter too, but Keras 3.15 refuses to
    resize a map whose size is unknown when TensorFlow traces a graph, as in
    `model.predict` with images of several sizes.

    Args:
        strides: Even integer >= 2. Upsampling factor. Defaults to 2.
        border: `"zeros"` or `"edge"`. What lies outside the map. Defaults to
            `"zeros"`.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        `(batch, strides * height, strides * width, channels)`.

    Raises:
        ValueError: If an argument is out of its range.

    Reference:
        Long, Shelhamer and Darrell, "Fully Convolutional Networks for
        Semantic Segmentation", CVPR 2015, section 3.3.
    """

    def __init__(self, strides=2, border="zeros", **kwargs):
        super().__init__(**kwargs)
        self.input_spec = keras.InputSpec(ndim=4)
        check_choice("border", border, ("zeros", "edge"))
        self.strides = check_integer("strides", strides, 2, "even")
        self.border = border

    def build(self, input_shape):
        pass

    def call(self, inputs):
        height, width = ops.shape(inputs)[1:3]
        known = isinstance(height, int) and isinstance(width, int)
        if not known:
            padded = ops.pad(
                inputs,
                ((0, 0), (1, 1), (1, 1), (0, 0)),
                "constant" if self.border == "zeros" else "symmetric",
            )
            return self._stretch(self._stretch(padded, axis=1), axis=2)
        outputs = ops.image.resize(
            inputs,
            (height * self.strides, width * self.strides),
            interpolation="bilinear",
            data_format="channels_last",
        )
        if self.border == "edge":
            return outputs
        # Several times faster than the transposed convolution.
        return outputs * ops.cast(self._left(height, width), outputs.dtype)

    def _left(self, *sizes):
        """What zeros outside leave of the values near the border."""
        axes = []
        for size in sizes:
            samples = (np.arange(size * self.strides) + 0.5) / self.strides
            inner = np.minimum(samples, samples[::-1]) + 0.5
            axes.append(np.minimum(inner, 1))
        # Of rank 4: tf2onnx moves no transposition past a lower one.
        return np.outer(*axes)[None, ..., None]

    def _stretch(self, padded, axis):
        """Upsamples one axis that has one sample too many on either side."""
        shape = list(ops.shape(padded))
        first, second = (
            padded[:, :-1] if axis == 1 else padded[:, :, :-1],
            padded[:, 1:] if axis == 1 else padded[:, :, 1:],
        )
        phases = [
            first + (second - first) * ((phase + 0.5) / self.strides)
            for phase in range(self.strides)
        ]
        shape[axis] = (shape[axis] - 1) * self.strides
        x = ops.reshape(ops.stack(phases, axis + 1), shape)
        edge = self.strides // 2
        return x[:, edge:-edge] if axis == 1 else x[:, :, edge:-edge]

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (
            batch,
            None if height is None else height * self.strides,
            None if width is None else width * self.strides,
            channels,
        )

    def get_config(self):
        return {
            **super().get_config(),
            "strides": self.strides,
            "border": self.border,
        }
