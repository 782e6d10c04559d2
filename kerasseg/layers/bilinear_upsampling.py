import keras
from keras import ops


@keras.saving.register_keras_serializable("kerasseg")
class BilinearUpSampling2D(keras.layers.Layer):
    """Fixed bilinear transposed convolution, with zeros outside the map.

    Equal to a transposed convolution with the bilinear kernel of size
    `2 * strides`, cropped by `strides / 2` per side. In the interior this is
    the usual half-pixel bilinear resize; towards the border values fade (a
    constant 1 becomes 0.75 at an edge and 0.5625 in a corner for a stride of
    2), because a transposed convolution sees zeros beyond the map where a
    resize repeats the edge. `keras.layers.UpSampling2D` is the latter.

    Args:
        strides: even integer >= 2. Upsampling factor. Defaults to 2.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        `(batch, strides * height, strides * width, channels)`.

    Raises:
        ValueError: if `strides` is not an even integer of 2 or more.

    Reference:
        Long, Shelhamer and Darrell, "Fully Convolutional Networks for
        Semantic Segmentation", CVPR 2015, section 3.3.
    """

    def __init__(self, strides=2, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(strides, int) or strides < 2 or strides % 2:
            raise ValueError(
                "`strides` must be an even integer of 2 or more. "
                f"Received: strides={strides!r}"
            )
        self.strides = strides

    def build(self, input_shape):
        pass

    def call(self, inputs):
        # Resizing a map with a border of zeros reads those zeros just where
        # the transposed convolution does, and is several times faster.
        padded = ops.pad(inputs, ((0, 0), (1, 1), (1, 1), (0, 0)))
        height, width = ops.shape(padded)[1:3]
        outputs = ops.image.resize(
            padded,
            (height * self.strides, width * self.strides),
            interpolation="bilinear",
            data_format="channels_last",
        )
        edge = self.strides
        return outputs[:, edge:-edge, edge:-edge, :]

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (
            batch,
            None if height is None else height * self.strides,
            None if width is None else width * self.strides,
            channels,
        )

    def get_config(self):
        return {**super().get_config(), "strides": self.strides}
