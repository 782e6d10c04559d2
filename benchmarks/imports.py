"""Compares imported networks, layer by layer, with a forward in NumPy.

The file is read twice: by `kerasseg.importers`, whose tensors become layers
of Keras, and by another reader, whose arrays stay as they are and are computed
with in plain NumPy. Both start from the same random maps and each goes on
with its own results, so that an error at one layer shows at all after it.

    python benchmarks/imports.py lenet_iter_10000.caffemodel --size 28x28
"""

import argparse

import keras
import numpy as np
import numpy_forward as plain
import raw_arrays

from kerasseg.importers import read_network

SAME = ("Dropout", "Split", "dropout")
RECTIFIERS = ("ReLU", "relu", "dagnn.ReLU")
SUMS = ("Eltwise", "dagnn.Sum")
# What gives the maps that others start from, and what training alone needs.
LEFT_OUT = ("Data", "Loss", "loss", "Accuracy", "Slice", "Silence", "label")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("--size", default="33x47", help="height x width")
    args = parser.parse_args()
    size = tuple(int(n) for n in args.size.split("x"))
    rows = compare(args.file, size)
    print("| layer | kind | output | largest value | largest difference |")
    print("| --- | --- | --- | ---: | ---: |")
    for name, kind, shape, largest, error in rows:
        print(f"| {name} | {kind} | {shape} | {largest:.3g} | {error:.1e} |")
    weights = sum(len(x.tensors) for x in read_network(args.file).layers)
    worst = max(error / largest for *_, largest, error in rows)
    print(
        f"\n{len(rows)} layers, {weights} tensors; largest difference "
        f"{worst:.1e} of the largest value of its map"
    )


def compare(path, size):
    """Runs a network both ways.

    Args:
        path: Path of the file.
        size: Height and width of the maps that it starts from.

    Returns:
        A row for each layer: name, kind, shape of its output, its largest
        value, and the largest difference.
    """
    source = read_network(path)
    caffe = source.format == "Caffe"
    raw = raw_arrays.caffe(path) if caffe else raw_arrays.matconvnet(path)
    rng = np.random.default_rng(0)
    maps, rows, last = {}, [], None
    for layer in source.layers:
        if any(word in layer.kind for word in LEFT_OUT):
            continue
        inputs = layer.inputs or (last,)
        unknown = [name for name in inputs if name not in maps]
        if unknown and "kernel" not in layer.tensors:
            # Of the labels of training.
            continue
        for name in unknown:
            channels = layer.tensors["kernel"].shape[2]
            drawn = rng.normal(size=(*size, channels)).astype("float32")
            maps[name] = drawn, drawn
        pairs = [maps[name] for name in inputs]
        arrays = {p: raw[t.label] for p, t in layer.tensors.items()}
        expected = _numpy(layer, arrays, [one for one, _ in pairs], caffe)
        found = _keras(layer, [other for _, other in pairs], caffe)
        last = layer.outputs[0] if layer.outputs else layer.name
        for name in layer.outputs or (last,):
            maps[name] = expected, found
        error = np.abs(expected - found).max()
        largest = np.abs(expected).max()
        rows.append((layer.name, layer.kind, expected.shape, largest, error))
    return rows


def _numpy(layer, arrays, inputs, caffe):
    """The output of a layer, of the arrays as they are in the file."""
    x, settings, kind = inputs[0].astype("float64"), layer.settings, layer.kind
    bias = arrays["bias"].ravel() if "bias" in arrays else None
    padding = settings.get("padding", (0, 0, 0, 0))
    strides = settings.get("strides", (1, 1))
    if kind == "Conv2D":
        kernel, order = arrays["kernel"], plain.CAFFE
        if not caffe:
            kernel = kernel.reshape(*kernel.shape, *(1,) * (4 - kernel.ndim))
            order = plain.MATCONVNET
        dilation = settings.get("dilation_rate", (1, 1))
        return plain.convolve(
            x, kernel, bias, order, padding, strides, dilation
        )
    if kind == "Dense":
        return plain.dense(x, arrays["kernel"], bias)
    if kind == "Pooling":
        size = settings["pool_size"]
        return plain.pool(x, settings["pool"], size, padding, strides)
    if kind == "PReLU":
        return np.where(x > 0, x, arrays["alpha"].ravel() * x)
    if kind == "BatchNormalization":
        mean, deviation = arrays["moving_mean"].T
        gamma, beta = arrays["gamma"].ravel(), arrays["beta"].ravel()
        return plain.normalize(x, gamma, beta, mean, deviation)
    if kind == "lrn":
        return plain.response_normalization(x, settings["lrn"])
    return _without_weights(kind, [x, *inputs[1:]])


def _without_weights(kind, inputs):
    if kind in RECTIFIERS:
        return np.maximum(inputs[0], 0)
    if kind == "Concat":
        return np.concatenate(inputs, -1)
    if kind in SUMS:
        return sum(inputs)
    if kind in SAME:
        return inputs[0]
    raise ValueError(f"`kind` is not known. Received: kind={kind!r}")


def _keras(layer, inputs, caffe):
    """The output of a Keras layer with the tensors that were imported."""
    x = inputs[0]
    tensors = {part: t.array() for part, t in layer.tensors.items()}
    if layer.kind == "Conv2D":
        return _apply(
            _convolution(layer, tensors),
            plain.pad(x, layer.settings.get("padding", (0, 0, 0, 0))),
            tensors,
            ("kernel", "bias"),
        )
    if layer.kind == "Dense":
        # Caffe flattens channel after channel.
        x = (
            x.transpose(2, 0, 1).reshape(1, 1, -1)
            if x.ndim == 3
            else x[None, None]
        )
        made = keras.layers.Dense(tensors["kernel"].shape[-1])
        return _apply(made, x, tensors, ("kernel", "bias"))[0, 0]
    if layer.kind == "PReLU":
        made = keras.layers.PReLU(shared_axes=[1, 2][: x.ndim - 1])
        return _apply(made, x, tensors, ("alpha",))
    if layer.kind == "BatchNormalization":
        made = keras.layers.BatchNormalization(epsilon=0.0)
        parts = ("gamma", "beta", "moving_mean", "moving_variance")
        return _apply(made, x, tensors, parts)
    if layer.kind == "Pooling":
        return _pooling(layer, x)
    if layer.kind == "lrn":
        return plain.response_normalization(x, layer.settings["lrn"])
    return _without_weights(layer.kind, inputs)


def _convolution(layer, tensors):
    return keras.layers.Conv2D(
        tensors["kernel"].shape[-1],
        tensors["kernel"].shape[:2],
        strides=layer.settings.get("strides", (1, 1)),
        dilation_rate=layer.settings.get("dilation_rate", (1, 1)),
        use_bias="bias" in tensors,
    )


def _pooling(layer, x):
    """Rounded up, as Caffe does: the last window may be cut."""
    size, strides = layer.settings["pool_size"], layer.settings["strides"]
    more = [-(x.shape[i] - size[i]) % strides[i] for i in (0, 1)]
    padded = plain.pad(x, (0, more[0], 0, more[1]), np.float32(-3e38))
    made = keras.layers.MaxPooling2D(size, strides)
    return keras.ops.convert_to_numpy(made(padded[None]))[0]


def _apply(layer, x, tensors, parts):
    layer.build((None, *x.shape))
    shapes = {w.name: tuple(w.shape) for w in layer.weights}
    layer.set_weights(
        [tensors[p].reshape(shapes[p]) for p in parts if p in tensors]
    )
    return keras.ops.convert_to_numpy(layer(x[None]))[0]


if __name__ == "__main__":
    main()
