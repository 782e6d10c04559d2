"""Convolution, averages and resizing by their definitions, in NumPy."""

import keras
import numpy as np
from keras import ops

# How many random shapes a test tries that is not marked slow: JAX compiles
# each operation anew for each of them.
RANDOM_SHAPES = 2 if keras.backend.backend() == "jax" else 8


def convolve(x, kernel, dilation_rate=1):
    """A convolution of stride 1 with zeros outside."""
    rows, columns = kernel.shape[:2]
    height, width = x.shape[1:3]
    top = dilation_rate * (rows - 1) // 2
    left = dilation_rate * (columns - 1) // 2
    padded = np.pad(x, ((0, 0), (top, top), (left, left), (0, 0)))
    total = 0
    for i in range(rows):
        for j in range(columns):
            y, z = i * dilation_rate, j * dilation_rate
            total = (
                total
                + padded[:, y : y + height, z : z + width] @ (kernel[i, j])
            )
    return total


def box_mean(x, radius):
    """Mean over a square window, of what is inside the map."""
    outputs = np.empty_like(x)
    for i in range(x.shape[1]):
        for j in range(x.shape[2]):
            rows = slice(max(i - radius, 0), i + radius + 1)
            columns = slice(max(j - radius, 0), j + radius + 1)
            outputs[:, i, j] = x[:, rows, columns].mean((1, 2))
    return outputs


def _weights(size, new_size):
    """The matrix of a bilinear resize with half-pixel centers, one axis."""
    matrix = np.zeros((new_size, size))
    for i in range(new_size):
        position = (i + 0.5) * size / new_size - 0.5
        position = min(max(position, 0), size - 1)
        lower = int(position)
        upper = min(lower + 1, size - 1)
        matrix[i, lower] += 1 - (position - lower)
        matrix[i, upper] += position - lower
    return matrix


def resize(x, height, width):
    """A bilinear resize with half-pixel centers."""
    rows = _weights(x.shape[1], height)
    columns = _weights(x.shape[2], width)
    return np.einsum("yi,xj,bijc->byxc", rows, columns, x)


def unit(x, layer):
    """A `ConvolutionUnit` in inference, of stride 1."""
    kernel, *moments = (value(v) for v in layer.weights)
    gamma, beta, mean, variance = moments
    x = convolve(x, kernel, layer.dilation_rate)
    x = (x - mean) / np.sqrt(variance + 1e-5) * gamma + beta
    return np.maximum(x, 0)


def value(tensor):
    """A tensor as an array of double precision."""
    return np.asarray(ops.convert_to_numpy(tensor), "float64")
