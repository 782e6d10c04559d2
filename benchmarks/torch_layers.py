"""Layers of a Keras model against PyTorch's arrays, in plain NumPy."""

import keras
import numpy as np
import numpy_forward as plain

_TRANSPOSED = "coij"


def compare(model, arrays, images):
    """Computes each layer that has weights a second time.

    Args:
        model: A functional `keras.Model` whose layers are named as the modules
            of a state dictionary.
        arrays: The state dictionary as arrays, in the layout of PyTorch.
        images: Array `(1, height, width, channels)`, the model's input.

    Returns:
        A row for each layer: its name, its largest value, and the largest
        difference.
    """
    layers = [layer for layer in model.layers if layer.weights]
    both = [(layer.input, layer.output) for layer in layers]
    found = keras.Model(model.input, both)(images)
    rows = []
    for layer, pair in zip(layers, found, strict=True):
        x, y = (keras.ops.convert_to_numpy(part)[0] for part in pair)
        own = {
            name.rpartition(".")[2]: array
            for name, array in arrays.items()
            if name.rpartition(".")[0] == layer.name
        }
        expected = _output(layer, own, x.astype("float64"))
        error = np.abs(expected - y).max()
        rows.append((layer.name, np.abs(expected).max(), error))
    return rows


def _output(layer, own, x):
    weight = own["weight"]
    if isinstance(layer, keras.layers.Conv2DTranspose):
        return plain.transposed(
            x, weight, None, _TRANSPOSED, (0,) * 4, layer.strides
        )
    if isinstance(layer, keras.layers.Conv2D):
        rate = layer.dilation_rate
        # What the model does not pad by itself.
        border = rate[0] * (weight.shape[2] // 2) if _pads(layer) else 0
        return plain.convolve(
            x, weight, None, plain.CAFFE, (border,) * 4, layer.strides, rate
        )
    if isinstance(layer, keras.layers.PReLU):
        return np.where(x > 0, x, weight * x)
    deviation = np.sqrt(own["running_var"] + layer.epsilon)
    return plain.normalize(
        x, weight, own["bias"], own["running_mean"], deviation
    )


def _pads(layer):
    return layer.padding == "same"
