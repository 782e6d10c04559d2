"""MATLAB files as trees of dictionaries, lists, texts and tensors.

A struct is a dictionary, a struct array and a cell are lists, column by
column. Files of version 5 to 7 are read by SciPy, those of version 7.3, which
are HDF5, by h5py.
"""

import struct
import zlib
from pathlib import Path
from typing import Any

from kerasseg.importers.packages import require
from kerasseg.importers.source import Tensor
from kerasseg.importers.source import unreadable

V5 = b"MATLAB 5.0 MAT-file"
V73 = b"MATLAB 7.3 MAT-file"
_WHAT = "a MATLAB file (.mat)"
_HEADER, _TAG = 128, 8
_COMPRESSED = 15
_BLOCK = 1 << 20
# What a file may inflate to: upsampling kernels are mostly zeros.
_LEAST_LIMIT, _LIMIT_FACTOR = 1 << 26, 100


def read_mat(path: str | Path) -> dict[str, Any]:
    """Reads a MATLAB file.

    Args:
        path: Path of the file.

    Returns:
        The variables by name. Numbers of a file of version 7.3 are read when
        they are asked for.

    Raises:
        WeightsError: If the file is damaged.
        ImportError: If SciPy or h5py is not installed.
    """
    with open(path, "rb") as file:
        head = file.read(_HEADER)
    if head.startswith(V73):
        from kerasseg.importers.mat73 import read_mat73

        return read_mat73(path)
    scipy_io = require("scipy.io", "scipy")
    try:
        _check_sizes(path, head)
        content = scipy_io.loadmat(
            path, struct_as_record=False, squeeze_me=False
        )
    except Exception as error:
        # SciPy checks little: a damaged file ends in whatever it runs into.
        raise unreadable(path, _WHAT, error) from error
    return {
        name: _node(value, name)
        for name, value in content.items()
        if not name.startswith("__")
    }


def _check_sizes(path, head):
    """Refuses elements that end after the file, or inflate beyond reason."""
    order = {b"IM": "<", b"MI": ">"}.get(head[126:128])
    if order is None:
        raise ValueError("no mark of the order of bytes")
    size = Path(path).stat().st_size
    left = max(_LEAST_LIMIT, _LIMIT_FACTOR * size)
    place = _HEADER
    with open(path, "rb") as file:
        while place + _TAG <= size:
            file.seek(place)
            kind, length = struct.unpack(f"{order}II", file.read(_TAG))
            place += _TAG + length
            if place > size:
                raise ValueError(f"an element ends {place - size} bytes late")
            if kind == _COMPRESSED:
                left -= _inflated(file, length, left)


def _inflated(file, length, limit):
    """How many bytes a compressed element is, counted and not kept."""
    inflate, count = zlib.decompressobj(), 0
    while length and not inflate.eof:
        data = file.read(min(length, _BLOCK))
        length -= len(data)
        while data:
            count += len(inflate.decompress(data, _BLOCK))
            data = inflate.unconsumed_tail
            if count > limit:
                raise ValueError(f"it inflates to more than {limit} bytes")
    return count


def _node(value, label):
    fields = getattr(value, "_fieldnames", None)
    if fields is not None:
        return {f: _node(getattr(value, f), f"{label}.{f}") for f in fields}
    kind = getattr(getattr(value, "dtype", None), "kind", None)
    if kind == "O":
        return _nodes(value.ravel("F").tolist(), label)
    if kind == "U":
        return "".join(value.ravel().tolist())
    if kind in ("f", "i", "u", "b"):
        return Tensor(label, value.shape, lambda: value)
    # Objects of classes, functions, sparse matrices.
    return None


def _nodes(items, label):
    nodes = [_node(x, f"{label}({i})") for i, x in enumerate(items, start=1)]
    one_struct = len(items) == 1 and hasattr(items[0], "_fieldnames")
    return nodes[0] if one_struct else nodes
