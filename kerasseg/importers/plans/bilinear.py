"""Transposed convolutions of files, compared with bilinear upsampling."""

import numpy as np

from kerasseg.importers.source import Layer
from kerasseg.importers.source import Tensor

_TOLERANCE = 1e-4


def upsampling_kind(layer: Layer) -> str:
    """Tells what a transposed convolution computes.

    Args:
        layer: A layer with a kernel `(height, width, out, in)`, or one of
            groups of a channel, `(height, width, 1, in)`.

    Returns:
        `"bilinear"`, `"diagonal"` (a kernel for each channel alone) or
        `"dense"`.
    """
    kernel = layer.tensors["kernel"]
    if len(kernel.shape) != 4:
        return "dense"
    outputs, inputs = kernel.shape[2:]
    array = kernel.array()
    if outputs > 1:
        apart = array[:, :, ~np.eye(outputs, inputs, dtype=bool)]
        if outputs != inputs or np.abs(apart).max(initial=0) > _TOLERANCE:
            return "dense"
    kernels = diagonal(layer).array()
    return "bilinear" if _is_bilinear(kernels) else "diagonal"


def diagonal(layer: Layer) -> Tensor:
    """The kernels of channels that read no other channel.

    Args:
        layer: A layer of the kind `"bilinear"` or `"diagonal"`.

    Returns:
        A tensor `(height, width, channels)`.
    """
    kernel = layer.tensors["kernel"]
    height, width, outputs, inputs = kernel.shape
    if outputs == 1:
        return kernel.reshaped(height, width, inputs)
    return Tensor(
        kernel.label,
        kernel.shape[:3],
        lambda: np.diagonal(kernel.load(), axis1=2, axis2=3),
    )


def _is_bilinear(kernels):
    size = kernels.shape[0]
    line = 1 - np.abs(np.arange(size) - (size - 1) / 2) / (size / 2)
    window = np.outer(line, line)[..., None]
    return kernels.shape[:2] == window.shape[:2] and np.allclose(
        kernels, window, atol=_TOLERANCE
    )
