"""Mask of the pixels near predicted class boundaries."""

import keras
from keras import ops

from kerasseg.arguments import check_integer


@keras.saving.register_keras_serializable("kerasseg")
class BoundaryMask(keras.layers.Layer):
    """Where a prediction is near a boundary, per class, between 0 and 1.

    `mask = dilate(P) - erode(P)` with `P = softmax(logits)`; both are taken
    over a square window, so a saturated edge gives 1 within half a window of
    it and a confident interior gives 0. Gradients flow through it.

    Args:
        pool_size: Odd integer >= 3. Side of the window in pixels. Defaults
            to 9, the paper's `2 * 4 + 1` for an upsampling of 4.

    Input shape:
        `(batch, height, width, classes)`, logits.

    Output shape:
        The same, in `[0, 1]`.

    Raises:
        ValueError: If `pool_size` is not an odd integer of 3 or more.

    Example:
        >>> mask = BoundaryMask()(keras.random.normal((1, 32, 48, 11)))
        >>> refined = coarse + mask * details

    Reference:
        Ghiasi and Fowlkes, "Laplacian Pyramid Reconstruction and Refinement
        for Semantic Segmentation", ECCV 2016, section 4.
    """

    def __init__(self, pool_size=9, **kwargs):
        super().__init__(**kwargs)
        self.input_spec = keras.InputSpec(ndim=4)
        self.pool_size = check_integer("pool_size", pool_size, 3, "odd")

    def build(self, input_shape):
        pass

    def call(self, inputs, training=False):
        logits = ops.cast(inputs, "float32")
        if training:
            maps = ops.softmax(logits)
        else:
            # Written out: ONNX Runtime runs a softmax over channels between
            # two transposes, which take longer than the rest of the mask.
            maps = ops.exp(logits - ops.max(logits, axis=-1, keepdims=True))
            maps = maps / ops.sum(maps, axis=-1, keepdims=True)
        # A product and no negation, for which LiteRT has no int8 form.
        mask = self._dilate(maps) + self._dilate(-1.0 * maps)
        return ops.cast(mask, self.compute_dtype)

    def _dilate(self, maps):
        # A square maximum is a vertical one after a horizontal one.
        for window in ((self.pool_size, 1), (1, self.pool_size)):
            maps = ops.max_pool(
                maps, window, 1, "same", data_format="channels_last"
            )
        return maps

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "pool_size": self.pool_size}
