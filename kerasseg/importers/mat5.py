"""MATLAB files of version 5 to 7.

Read here and not by SciPy, which trusts a file: damaged ones end the process
or take memory for what they declare. Numbers are views of the mapped file, or
of what a compressed variable inflates to. The format is that of MathWorks'
"MAT-File Format", chapter 1.
"""

import math
import mmap
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from kerasseg.importers.source import Tensor
from kerasseg.importers.source import unreadable

_WHAT = "a MATLAB file (.mat)"
_HEADER = 128
_BLOCK = 1 << 20
# What all variables may inflate to: upsampling kernels are mostly zeros.
_LEAST_LIMIT, _LIMIT_FACTOR = 1 << 26, 100
_MAX_NODES, _MAX_DEPTH = 200_000, 16
_MATRIX, _COMPRESSED = 14, 15
_TYPES = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
    16: "u1",
    17: "u2",
    18: "u4",
}
_CELL, _STRUCT, _CHAR = 1, 2, 4
_NUMBERS = range(6, 16)
_COMPLEX = 0x0800
_MAX_TEXT = 1 << 12


def read_mat5(path: str | Path) -> dict[str, Any]:
    """Reads a MATLAB file as `read_mat` does.

    Args:
        path: Path of the file.

    Returns:
        The variables by name.

    Raises:
        WeightsError: If the file is damaged.
    """
    with open(path, "rb") as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    try:
        order = {b"IM": "<", b"MI": ">"}[content[126:128]]
        return dict(_File(memoryview(content), order).variables())
    except KeyError as error:
        raise unreadable(
            path, _WHAT, "no mark of the order of bytes"
        ) from error
    except (ValueError, zlib.error) as error:
        raise unreadable(path, _WHAT, error) from error


class _File:
    """The variables of a file, and how much of them was found."""

    def __init__(self, content, order):
        self._content = content
        self._order = order
        self._left = max(_LEAST_LIMIT, _LIMIT_FACTOR * len(content))
        self._nodes = 0

    def variables(self):
        place = _HEADER
        while place < len(self._content):
            # Only what is compressed is not filled up to eight bytes.
            kind, data, place = self._element(self._content, place)
            if kind == _COMPRESSED:
                kind, data, _ = self._element(self._inflated(data), 0)
            if kind == _MATRIX:
                name, node = self._matrix(data, "", 0)
                yield name, node

    def _element(self, content, place):
        """Type and bytes of an element, and where the next one is."""
        if place + 8 > len(content):
            raise ValueError("the end of the file within a tag")
        first, size = np.frombuffer(content[place : place + 8], self._dtype(6))
        kind, small = int(first) & 0xFFFF, int(first) >> 16
        if small:
            if small > 4:
                raise ValueError(f"a short element of {small} bytes")
            return kind, content[place + 4 : place + 4 + small], place + 8
        start, end = place + 8, place + 8 + int(size)
        if end > len(content):
            raise ValueError(f"an element ends {end - len(content)} bytes late")
        after = end if kind == _COMPRESSED else end + -end % 8
        return kind, content[start:end], after

    def _inflated(self, data):
        inflate, parts = zlib.decompressobj(), []
        while data and not inflate.eof:
            part = inflate.decompress(data, _BLOCK)
            data = inflate.unconsumed_tail
            self._left -= len(part)
            if self._left < 0:
                raise ValueError("it inflates beyond reason")
            parts.append(part)
        return memoryview(b"".join(parts))

    def _matrix(self, data, label, depth):
        """Name and node of an array of any class."""
        self._nodes += 1
        if self._nodes > _MAX_NODES or depth > _MAX_DEPTH:
            raise ValueError(f"{label} is nested too deeply or too large")
        if not len(data):
            return "", Tensor(label, (0, 0), lambda: np.zeros((0, 0)))
        place, parts = 0, []
        for _ in range(3):
            kind, part, place = self._element(data, place)
            parts.append(np.frombuffer(part, self._dtype(kind)))
        flags, sizes, letters = parts
        if len(flags) != 2 or {flags.dtype.kind, sizes.dtype.kind} - set("iu"):
            raise ValueError(f"an array without its flags or sizes in {label}")
        name = letters.tobytes().decode("ascii", "replace")
        label = label or name
        kind, shape = int(flags[0]) & 0xFF, tuple(map(int, sizes))
        if len(shape) < 2 or min(shape) < 0:
            raise ValueError(f"{label} of the shape {shape}")
        if int(flags[0]) & _COMPLEX:
            return name, None
        return name, self._value(kind, shape, data[place:], label, depth)

    def _value(self, kind, shape, data, label, depth):
        if kind == _CELL:
            return self._cells(shape, data, label, depth)
        if kind == _STRUCT:
            return self._structs(shape, data, label, depth)
        if kind == _CHAR:
            return self._text(shape, data, label)
        if kind not in _NUMBERS:
            # Objects of classes, functions, sparse matrices.
            return None
        stored, part, _ = self._element(data, 0)
        return self._numbers(shape, part, self._dtype(stored), label)

    def _cells(self, shape, data, label, depth):
        place, found = 0, []
        for index in range(1, self._count(shape, data, label) + 1):
            kind, part, place = self._element(data, place)
            if kind != _MATRIX:
                raise ValueError(f"no array in {label}({index})")
            found.append(self._matrix(part, f"{label}({index})", depth + 1)[1])
        return found

    def _structs(self, shape, data, label, depth):
        """A dictionary, or a list of dictionaries."""
        kind, length, place = self._element(data, 0)
        (width,) = np.frombuffer(length, self._dtype(kind)).astype("int64")
        _, letters, place = self._element(data, place)
        width = int(width)
        if width < 1 or len(letters) % width:
            raise ValueError(f"the names of the fields of {label}")
        names = [
            bytes(letters[i : i + width])
            .partition(b"\0")[0]
            .decode("ascii", "replace")
            for i in range(0, len(letters), width)
        ]
        count = self._count(shape, data, label)
        structs = []
        for index in range(1, count + 1):
            record = {}
            for name in names:
                kind, part, place = self._element(data, place)
                inner = (
                    f"{label}.{name}"
                    if count == 1
                    else (f"{label}({index}).{name}")
                )
                record[name] = self._matrix(part, inner, depth + 1)[1]
            structs.append(record)
        return structs[0] if count == 1 else structs

    def _count(self, shape, data, label):
        """How many parts there are; each takes eight bytes or more."""
        count = math.prod(shape)
        if count > len(data) // 8:
            raise ValueError(f"{label} declares {count} parts")
        return count

    def _text(self, shape, data, label):
        kind, part, _ = self._element(data, 0)
        codes = np.frombuffer(part, self._dtype(kind))
        if codes.size > _MAX_TEXT or codes.dtype.kind not in "u":
            raise ValueError(f"{label} is a text of {codes.size} letters")
        if kind == 16:
            return codes.tobytes().decode("utf-8", "replace")
        return "".join(map(chr, codes.tolist()))

    def _numbers(self, shape, part, dtype, label):
        array = np.frombuffer(part, dtype)
        if array.size != math.prod(shape):
            raise ValueError(
                f"{label} of the shape {shape} holds {array.size} numbers"
            )
        return Tensor(label, shape, lambda: array.reshape(shape, order="F"))

    def _dtype(self, kind):
        if kind not in _TYPES:
            raise ValueError(f"data of the type {kind}")
        return np.dtype(f"{self._order}{_TYPES[kind]}")
