"""`LaplacianReconstruction` as one convolution with a group per class.

Its kernel is computed when the form is made. A file then holds it as a
constant; LiteRT would compute it again for every image.
"""

import numpy as np
from keras import ops

from kerasseg.export.forms.borrowed import Borrowed
from kerasseg.layers.laplacian_reconstruction import cell_kernels
from kerasseg.layers.laplacian_reconstruction import convolution
from kerasseg.layers.laplacian_reconstruction import interleave


class GroupedReconstruction(Borrowed):
    """The reconstruction in TensorFlow: whole rows of a block are moved.

    Args:
        original: `LaplacianReconstruction` that is built.
    """

    def __init__(self, original):
        super().__init__(original)
        kernels = ops.convert_to_numpy(cell_kernels(original.bases, "float32"))
        self._kernel = np.reshape(
            kernels.transpose(0, 1, 2, 4, 3), (2, 2, original.num_bases, -1)
        )

    def call(self, inputs):
        original = self.original
        padded = ops.pad(inputs, ((0, 0), (1, 1), (1, 1), (0, 0)))
        kernel = ops.convert_to_tensor(self._kernel, inputs.dtype)
        maps = convolution(padded, kernel)
        outputs = self._pixels(maps, *(n - 1 for n in padded.shape[1:3]))
        if original.use_bias:
            outputs = outputs + ops.cast(original.bias, outputs.dtype)
        return outputs

    def _pixels(self, maps, height, width):
        classes, size = self.original.num_classes, self.original.strides
        return interleave(self._blocks(maps), classes, size, height, width)

    def _blocks(self, maps):
        """The maps as `(pixels of a block, classes)`."""
        original = self.original
        shape = (-1, original.num_classes, original.strides**2)
        return ops.transpose(ops.reshape(maps, shape), (0, 2, 1))


class LiteRTReconstruction(GroupedReconstruction):
    """The reconstruction in LiteRT, with its own operator for the shuffle.

    Args:
        original: `LaplacianReconstruction` that is built.
    """

    def _pixels(self, maps, height, width):
        size, classes = self.original.strides, self.original.num_classes
        shape = (-1, height, width, size * size * classes)
        blocks = ops.reshape(self._blocks(maps), shape)
        maps = ops.depth_to_space(blocks, size, data_format="channels_last")
        edge = size // 2
        return maps[:, edge:-edge, edge:-edge, :]


class OnnxReconstruction(GroupedReconstruction):
    """The reconstruction in ONNX Runtime: each pixel is gathered.

    Transpositions of small blocks are ten times slower there.

    Args:
        original: `LaplacianReconstruction` that is built.
    """

    def _pixels(self, maps, height, width):
        size = self.original.strides
        maps = ops.transpose(maps, (0, 3, 1, 2))
        shape = (-1, self.original.num_classes, size**2 * height * width)
        pixels = ops.transpose(ops.reshape(maps, shape), (0, 2, 1))
        rows, columns = (
            np.arange(size // 2, size * blocks - size // 2)
            for blocks in (height, width)
        )
        rows = rows[:, None]
        places = rows % size * size + columns % size
        places = (places * height + rows // size) * width + columns // size
        return ops.take(pixels, places.astype("int32"), axis=1)
