"""Networks of Caffe: `.caffemodel`, with layers of either generation.

The numbers of the fields are those of `NetParameter`, `LayerParameter`,
`V1LayerParameter` and `BlobProto` of Caffe. Caffe is not needed, and no
numbers are copied until they are asked for: the file is mapped.
"""

import math
import mmap
from pathlib import Path

import numpy as np

from kerasseg.importers import source
from kerasseg.importers.source import Layer
from kerasseg.importers.source import Source
from kerasseg.importers.source import Tensor
from kerasseg.importers.source import unreadable
from kerasseg.importers.wire import Message

_WHAT = "a network of Caffe (.caffemodel)"
_NEW, _V1 = 100, 2
# Kinds of V1 layers that have weights or change what the next layer sees.
_V1_TYPES = {
    3: "Concat",
    4: "Convolution",
    5: "Data",
    6: "Dropout",
    8: "Flatten",
    14: "InnerProduct",
    15: "LRN",
    17: "Pooling",
    18: "ReLU",
    19: "Sigmoid",
    20: "Softmax",
    21: "SoftmaxWithLoss",
    22: "Split",
    23: "TanH",
    25: "Eltwise",
    26: "Power",
    39: "Deconvolution",
}
# Fields of the settings of a kind, in new layers and in V1 ones.
_SETTINGS = {
    "Convolution": (106, 10),
    "Deconvolution": (106, 10),
    "Pooling": (121, 19),
    "InnerProduct": (117, 17),
    "BatchNorm": (139, None),
    "Scale": (142, None),
}
_KINDS = {
    "Convolution": source.CONV,
    "Deconvolution": source.CONV_TRANSPOSE,
    "InnerProduct": source.DENSE,
    "BatchNorm": source.BATCH_NORM,
    "Scale": source.SCALE,
    "PReLU": source.PRELU,
}
_EPSILON = 1e-5


def is_network(head: bytes) -> bool:
    """Whether a file may be a network of Caffe.

    Args:
        head: Its first bytes.

    Returns:
        Whether it begins with the name of a network or with a layer.
    """
    return head[:1] in (b"\x0a", b"\x12") or head[:2] == b"\xa2\x06"


def read(path: str | Path) -> Source:
    """Reads a `.caffemodel`.

    Args:
        path: Path of the file.

    Returns:
        A `Source`. Caffe's convention is BGR; the means are not in the file.

    Raises:
        WeightsError: If the file is no such network.
    """
    with open(path, "rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    try:
        network = Message(memoryview(mapped))
        layers = [_layer(m, False) for m in network.messages(_NEW)]
        layers += [_layer(m, True) for m in network.messages(_V1)]
    except (ValueError, UnicodeDecodeError) as error:
        raise unreadable(path, _WHAT, error) from error
    if not layers:
        raise unreadable(path, _WHAT, "no layers")
    return Source(str(path), "Caffe", tuple(layers), "BGR", "CHW")


def _layer(message, first_version):
    name = message.text(4 if first_version else 1)
    if first_version:
        number = message.number(5)
        kind = _V1_TYPES.get(number, f"V1 type {number}")
        if message.messages(1):
            raise ValueError(f"layer {name!r} is older than V1")
    else:
        kind = message.text(2)
    blobs = [
        _blob(blob, f"{name} (blob {index})")
        for index, blob in enumerate(
            message.messages(6 if first_version else 7)
        )
    ]
    fields = _SETTINGS.get(kind, (None, None))
    field = fields[1 if first_version else 0]
    given = message.message(field) if field else None
    settings = _settings(kind, given) if given else {}
    return Layer(
        name,
        _KINDS.get(kind, kind),
        _tensors(kind, blobs, settings),
        settings,
        tuple(message.texts(2 if first_version else 3)),
        tuple(message.texts(3 if first_version else 4)),
    )


def _blob(message, label):
    data = message.floats(5)
    if not len(data):
        data = message.floats(8, "<f8")
    shapes = message.messages(7)
    if shapes:
        shape = tuple(shapes[-1].numbers(1))
    else:
        shape = tuple(message.number(field) for field in (1, 2, 3, 4))
    if math.prod(shape) != len(data):
        raise ValueError(
            f"{label} declares the shape {shape} and holds {len(data)} numbers"
        )
    return Tensor(label, shape, lambda: data.reshape(shape))


def _tensors(kind, blobs, settings):
    """The blobs of a layer by their part, in the layout of Keras."""
    reader = _READERS.get(kind)
    try:
        if reader and blobs:
            return reader(blobs, settings)
    except (IndexError, ValueError) as error:
        raise ValueError(
            f"{blobs[0].label} is not what a layer of type {kind} has"
        ) from error
    return {f"blob_{index}": blob for index, blob in enumerate(blobs)}


def _convolution(blobs, settings):
    (kernel, *bias) = blobs
    if len(kernel.shape) != 4:
        raise ValueError
    # (out, in, height, width), of a transposed one (in, out, height, width).
    return {"kernel": kernel.transposed(2, 3, 1, 0), **_bias(bias)}


def _dense(blobs, settings):
    (kernel, *bias) = blobs
    kernel = kernel.reshaped(*kernel.shape[-2:])
    if len(kernel.shape) != 2:
        raise ValueError
    if not settings.get("transpose"):
        kernel = kernel.transposed(1, 0)
    return {"kernel": kernel, **_bias(bias)}


def _bias(blobs):
    return {"bias": _flat(blobs[0])} if blobs else {}


def _flat(blob):
    return blob.reshaped(math.prod(blob.shape))


def _batch_norm(blobs, settings):
    mean, variance, factor = map(_flat, blobs)

    def unscaled(array):
        (total,) = factor.load()
        return array / total if total else np.zeros_like(array)

    return {
        "moving_mean": mean.mapped(unscaled),
        "moving_variance": variance.mapped(unscaled),
    }


def _scale(blobs, settings):
    return dict(zip(("gamma", "beta"), map(_flat, blobs), strict=False))


def _prelu(blobs, settings):
    return {"alpha": _flat(blobs[0])}


_READERS = {
    "Convolution": _convolution,
    "Deconvolution": _convolution,
    "InnerProduct": _dense,
    "BatchNorm": _batch_norm,
    "Scale": _scale,
    "PReLU": _prelu,
}


def _settings(kind, given):
    if kind in ("Convolution", "Deconvolution"):
        return {
            "strides": _pair(given, 6, (13, 14), 1),
            "padding": _sides(_pair(given, 3, (9, 10), 0)),
            "dilation_rate": _pair(given, 18, (), 1),
            "groups": given.number(5, 1),
        }
    if kind == "Pooling":
        return {
            "pool": ("max", "average")[min(given.number(1), 1)],
            "pool_size": _pair(given, 2, (5, 6), 1),
            "strides": _pair(given, 3, (7, 8), 1),
            "padding": _sides(_pair(given, 4, (9, 10), 0)),
            "whole_map": bool(given.number(12)),
        }
    if kind == "InnerProduct":
        return {"transpose": bool(given.number(6))}
    if kind == "BatchNorm":
        given = given.floats(3)
        return {"epsilon": float(given[-1]) if len(given) else _EPSILON}
    return {}


def _pair(given, field, apart, default):
    """Height and width of a setting, given once, twice or apart."""
    if apart and any(given.numbers(field) for field in apart):
        return tuple(given.number(field, default) for field in apart)
    both = given.numbers(field) or [default]
    return (both[0], both[-1])


def _sides(pair):
    return (pair[0], pair[0], pair[1], pair[1])
