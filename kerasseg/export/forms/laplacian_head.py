"""`LaplacianHead` with the kernel of inference as a constant."""

from keras import ops

from kerasseg.export.forms.borrowed import Borrowed
from kerasseg.layers.laplacian_head import head_blocks
from kerasseg.layers.laplacian_head import head_kernel
from kerasseg.layers.laplacian_reconstruction import interleave


class FoldedHead(Borrowed):
    """The head with its two kernels multiplied when the form is made.

    Args:
        original: `LaplacianHead` that is built.
    """

    def __init__(self, original):
        super().__init__(original)
        self._kernel = ops.convert_to_numpy(head_kernel(original, "float32"))

    def call(self, inputs, training=False):
        kernel = ops.convert_to_tensor(self._kernel, inputs.dtype)
        return self._pixels(head_blocks(inputs, kernel))

    def _pixels(self, blocks):
        original = self.original
        height, width = ops.shape(blocks)[1:3]
        return interleave(
            blocks, original.num_classes, original.strides, height, width
        )


class LiteRTHead(FoldedHead):
    """The head in LiteRT, with its own operator for the shuffle.

    Args:
        original: `LaplacianHead` that is built.
    """

    def _pixels(self, blocks):
        size = self.original.strides
        maps = ops.depth_to_space(blocks, size, data_format="channels_last")
        edge = size // 2
        return maps[:, edge:-edge, edge:-edge, :]
