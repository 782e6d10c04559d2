"""Layers of Caffe and MatConvNet in plain NumPy, as their manuals define them.

Maps are `(height, width, channels)`. Kernels stay as they are in the file;
the letters of `order` name their axes: `o` out, `c` in, `i` row, `j` column.
"""

import numpy as np

CAFFE, MATCONVNET = "ocij", "ijco"


def convolve(x, kernel, bias, order, padding, strides, dilation):
    """A convolution, which in both is a cross-correlation.

    Args:
        x: Map.
        kernel: Kernel with the axes of `order`.
        bias: Array of one number per channel, or `None`.
        order: `CAFFE` or `MATCONVNET`.
        padding: Zeros at the top, bottom, left and right.
        strides: Height and width of a step.
        dilation: Distance of the samples of the kernel.

    Returns:
        The map of the output.
    """
    size = [kernel.shape[order.index(axis)] for axis in "ij"]
    windows = _windows(pad(x, padding), size, strides, dilation)
    found = np.einsum(f"hwcij,{order}->hwo", windows, kernel, optimize=True)
    return found if bias is None else found + bias


def transposed(x, kernel, bias, axes, padding, strides):
    """A transposed convolution: each cell paints a kernel.

    Args:
        x: Map.
        kernel: Kernel with the axes of `axes`.
        bias: Array of one number per channel, or `None`.
        axes: `"coij"` for Caffe, `"ijoc"` for MatConvNet.
        padding: What is cropped at the top, bottom, left and right.
        strides: Height and width of a step.

    Returns:
        The map of the output.
    """
    rows, cols = (kernel.shape[axes.index(axis)] for axis in "ij")
    painted = np.einsum(f"hwc,{axes}->hwijo", x, kernel, optimize=True)
    height, width = x.shape[:2]
    size = ((height - 1) * strides[0] + rows, (width - 1) * strides[1] + cols)
    result = np.zeros((*size, painted.shape[-1]), painted.dtype)
    for row in range(height):
        for col in range(width):
            top, left = row * strides[0], col * strides[1]
            result[top : top + rows, left : left + cols] += painted[row, col]
    top, bottom, left, right = padding
    result = result[top : size[0] - bottom, left : size[1] - right]
    return result if bias is None else result + bias


def pool(x, kind, size, padding, strides):
    """A pooling of Caffe, which rounds sizes up.

    Args:
        x: Map.
        kind: `"max"` or `"average"`.
        size: Height and width of the window.
        padding: What is added at the top, bottom, left and right.
        strides: Height and width of a step.

    Returns:
        The map of the output.
    """
    padded = pad(x, padding, -np.inf if kind == "max" else 0)
    more = [
        -(padded.shape[axis] - size[axis]) % strides[axis] for axis in (0, 1)
    ]
    padded = pad(padded, (0, more[0], 0, more[1]), np.nan)
    windows = _windows(padded, size, strides, (1, 1))
    reduce = np.nanmax if kind == "max" else np.nanmean
    return reduce(windows, axis=(3, 4))


def dense(x, kernel, bias):
    """An inner product of Caffe, of a map channel after channel.

    Args:
        x: Map, or vector.
        kernel: Matrix (out, in), perhaps with axes of 1 before.
        bias: Array of one number per output.

    Returns:
        A vector.
    """
    vector = x.transpose(2, 0, 1).ravel() if x.ndim == 3 else x
    return kernel.reshape(kernel.shape[-2:]) @ vector + bias.ravel()


def response_normalization(x, param):
    """MatConvNet's `lrn`: `x / (kappa + alpha * sum of squares) ** beta`.

    Args:
        x: Map.
        param: Channels of the window, kappa, alpha and beta.

    Returns:
        The map of the output.
    """
    count, kappa, alpha, beta = param
    half = int((count - 1) // 2)
    squares = np.pad(x**2, ((0, 0), (0, 0), (half, int(count) - 1 - half)))
    sums = sum(squares[..., k : k + x.shape[-1]] for k in range(int(count)))
    return x / (kappa + alpha * sums) ** beta


def normalize(x, gamma, beta, mean, deviation):
    """A batch normalization with the moments of training.

    Args:
        x: Map.
        gamma: Factors.
        beta: Terms.
        mean: Means.
        deviation: What is divided by.

    Returns:
        The map of the output.
    """
    return gamma * (x - mean) / deviation + beta


def pad(x, padding, value=0.0):
    """A map with a border.

    Args:
        x: Map.
        padding: What is added at the top, bottom, left and right.
        value: What it is filled with. Defaults to 0.

    Returns:
        The map.
    """
    top, bottom, left, right = padding
    sides = ((top, bottom), (left, right), (0, 0))
    return np.pad(x, sides, constant_values=value)


def _windows(x, size, strides, dilation):
    spans = [(n - 1) * step + 1 for n, step in zip(size, dilation, strict=True)]
    found = np.lib.stride_tricks.sliding_window_view(x, spans, (0, 1))
    return found[
        :: strides[0], :: strides[1], :, :: dilation[0], :: dilation[1]
    ]
