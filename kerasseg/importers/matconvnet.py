"""Networks of MatConvNet: `.mat`, SimpleNN or DagNN.

Kernels are `(height, width, in, out)` as in Keras, those of transposed
convolutions `(height, width, out, in)`; MATLAB drops axes of 1 at the end.
Images are RGB.
"""

import dataclasses
import math
import re
from pathlib import Path

import numpy as np

from kerasseg.importers import source
from kerasseg.importers.mat import read_mat
from kerasseg.importers.source import Layer
from kerasseg.importers.source import Source
from kerasseg.importers.source import Tensor
from kerasseg.importers.source import unreadable

_WHAT = "a network of MatConvNet (.mat)"
# What SimpleNN calls a layer, and the class of DagNN.
_KINDS = {
    "conv": source.CONV,
    "convt": source.CONV_TRANSPOSE,
    "bnorm": source.BATCH_NORM,
    "dagnn.Conv": source.CONV,
    "dagnn.ConvTranspose": source.CONV_TRANSPOSE,
    "dagnn.BatchNorm": source.BATCH_NORM,
}
# `conv1_1f` and `conv1_1b`, `conv1_f`, `conv1_filter`: the name before.
_SUFFIX = re.compile(r"_?(f|b|g|m|filter|bias|mult|moments)$")
_MEANS = ("rgbMean", "averageImage")
_LONGEST = 8
# Fields of a layer, and how other formats call them.
_SETTINGS = {
    "stride": "strides",
    "pad": "padding",
    "crop": "crop",
    "upsample": "upsampling",
    "dilate": "dilation_rate",
    "numGroups": "groups",
    "leak": "leak",
    "pool": "pool_size",
    "poolSize": "pool_size",
    "param": "lrn",
}
_LARGEST_IMAGE = 1 << 24


def read(path: str | Path) -> Source:
    """Reads a network.

    Args:
        path: Path of the file, of any version from 5 to 7.3.

    Returns:
        A `Source`, with the means of R, G and B that the file has.

    Raises:
        WeightsError: If the file is damaged or holds no network.
        ImportError: If the file is of version 7.3 and h5py is not installed.
    """
    content = read_mat(path)
    network = content.get("net", content)
    if not isinstance(network, dict) or "layers" not in network:
        raise unreadable(
            path,
            f"{_WHAT}, with `layers` at its top or in `net`; an object is to "
            "be saved as net.saveobj()",
            f"the variables {', '.join(map(repr, content)) or 'none'}",
        )
    try:
        if "params" in network:
            layers = list(_dag(network))
        else:
            layers = [
                _simple(layer, index)
                for index, layer in enumerate(_many(network["layers"]), 1)
            ]
        mean = _mean(network)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise unreadable(path, _WHAT, f"no {error}") from error
    except ValueError as error:
        raise unreadable(path, _WHAT, error) from error
    return Source(str(path), "MatConvNet", tuple(layers), mean=mean)


def _simple(layer, index):
    name = layer.get("name") or f"layer{index}"
    kind = layer["type"]
    weights = _many(layer.get("weights", []))
    if not weights and "filters" in layer:
        weights = [layer["filters"], layer.get("biases", [])]
    labels = [f"{name} (weight {i})" for i in range(1, len(weights) + 1)]
    return Layer(
        name,
        _KINDS.get(kind, kind),
        _tensors(kind, zip(labels, weights, strict=True)),
        _settings(layer, kind),
    )


def _dag(network):
    values = {p["name"]: p["value"] for p in _many(network["params"])}
    for layer in _many(network["layers"]):
        kind, names = layer["type"], _many(layer["params"])
        missing = [name for name in names if name not in values]
        if missing:
            raise ValueError(f"no parameters {', '.join(map(repr, missing))}")
        yield Layer(
            _SUFFIX.sub("", names[0]) if names else layer["name"],
            _KINDS.get(kind, kind),
            _tensors(kind, [(name, values[name]) for name in names]),
            _settings(layer["block"] or {}, kind),
            tuple(_many(layer["inputs"])),
            tuple(_many(layer["outputs"])),
        )


def _many(node):
    """The items of a list, or the only one, which MATLAB has no list for."""
    return node if isinstance(node, list) else [node]


def _tensors(kind, weights):
    """Weights by their part, in the layout of Keras."""
    # An absent bias is an empty array.
    named = [
        dataclasses.replace(value, label=label)
        for label, value in weights
        if isinstance(value, Tensor) and math.prod(value.shape)
    ]
    if _KINDS.get(kind) == source.BATCH_NORM:
        gamma, beta, *moments = named
        return {"gamma": _flat(gamma), "beta": _flat(beta), **_moments(moments)}
    if kind in _KINDS:
        parts = zip(("kernel", "bias"), named, strict=False)
        return {p: (_kernel if p == "kernel" else _flat)(t) for p, t in parts}
    return {f"blob_{index}": tensor for index, tensor in enumerate(named)}


def _kernel(tensor):
    return tensor.reshaped(*tensor.shape, *(1,) * (4 - len(tensor.shape)))


def _flat(tensor):
    return tensor.reshaped(math.prod(tensor.shape))


def _moments(tensors):
    """Means, and what vl_nnbnorm divides by: deviations, epsilon included."""
    if not tensors:
        return {}
    (both,) = tensors
    if len(both.shape) != 2 or both.shape[1] != 2:
        raise ValueError(f"{both.label} is of shape {both.shape}")

    def column(index, power):
        return Tensor(
            both.label,
            both.shape[:1],
            lambda: both.load()[:, index].astype("float64") ** power,
        )

    return {"moving_mean": column(0, 1), "moving_variance": column(1, 2)}


def _settings(block, kind):
    """What a layer says besides its weights."""
    settings = {}
    if _KINDS.get(kind) == source.BATCH_NORM:
        # The deviations hold it already.
        settings["epsilon"] = 0.0
    for key, name in _SETTINGS.items():
        values = _numbers(block.get(key))
        if values:
            settings[name] = _SHAPES.get(name, tuple)(values)
    if isinstance(block.get("method"), str):
        settings["method"] = block["method"]
    return settings


def _numbers(node):
    """A few numbers, as Python has them."""
    if not isinstance(node, Tensor) or math.prod(node.shape) > _LONGEST:
        return []
    return [float(x) for x in np.ravel(node.array())]


def _pair(values):
    return (int(values[0]), int(values[-1]))


def _sides(values):
    """Top, bottom, left and right, of one number, two or four."""
    top, left = values[0], values[-1] if len(values) == 2 else values[0]
    sides = values if len(values) == 4 else (top, top, left, left)
    return tuple(map(int, sides))


_SHAPES = {
    "strides": _pair,
    "padding": _sides,
    "crop": _sides,
    "upsampling": _pair,
    "dilation_rate": _pair,
    "pool_size": _pair,
    "groups": lambda values: int(values[0]),
    "leak": lambda values: values[0],
}


def _mean(network):
    """The means of R, G and B, or `None`."""
    meta = network.get("meta")
    meta = meta if isinstance(meta, dict) else network
    normalization = meta.get("normalization")
    if not isinstance(normalization, dict):
        return None
    for key in _MEANS:
        tensor = normalization.get(key)
        if not isinstance(tensor, Tensor):
            continue
        size = math.prod(tensor.shape)
        if size == 3:
            return tuple(tensor.array().ravel().tolist())
        if len(tensor.shape) == 3 and tensor.shape[2] == 3:
            if size > _LARGEST_IMAGE:
                raise ValueError(f"{key} is of shape {tensor.shape}")
            return tuple(tensor.array().mean((0, 1), "float64").tolist())
    return None
