"""MATLAB files of version 7.3, which are HDF5."""

from pathlib import Path
from typing import Any

from kerasseg.importers.hdf5 import Hdf5File

_WHAT = "a MATLAB file of version 7.3 (.mat)"
# LRR's networks have 2,000.
_MAX_NODES = 200_000
_MAX_DEPTH = 16
_MAX_TEXT = 1 << 12


def read_mat73(path: str | Path) -> dict[str, Any]:
    """Reads a MATLAB file of version 7.3 as `read_mat` does.

    Args:
        path: Path of the file.

    Returns:
        The variables by name.

    Raises:
        WeightsError: If the file is damaged.
        ImportError: If h5py is not installed.
    """
    file = Hdf5File(path, _WHAT)
    with file.errors():
        return {
            name: _Tree(file).node(file.member(file.root, name), name)
            for name in file.root
            if not name.startswith("#")
        }


class _Tree:
    """What a variable is made of, each part converted once."""

    def __init__(self, file):
        self._file = file
        self._known = {}

    def node(self, item, label, depth=0):
        # References may lead in circles, and many to one.
        key = self._file.address(item)
        if key in self._known:
            if self._known[key] is self:
                raise ValueError(f"{label} contains itself")
            return self._known[key]
        if depth > _MAX_DEPTH or len(self._known) > _MAX_NODES:
            raise ValueError(f"{label} is nested too deeply or too large")
        self._known[key] = self
        convert = self._struct if self._file.is_group(item) else self._values
        self._known[key] = result = convert(item, label, depth)
        return result

    def _struct(self, group, label, depth):
        fields = {name: self._file.member(group, name) for name in group}
        counts = {
            item.size for item in fields.values() if self._is_column(item)
        }
        if len(counts) == 1 and all(map(self._is_column, fields.values())):
            columns = {
                name: self._referenced(item, f"{label}.{name}", depth)
                for name, item in fields.items()
            }
            rows = zip(*columns.values(), strict=True)
            return [dict(zip(columns, row, strict=True)) for row in rows]
        return {
            name: self.node(item, f"{label}.{name}", depth + 1)
            for name, item in fields.items()
        }

    def _is_column(self, item):
        """Whether it holds a field of all structs of an array."""
        return (
            not self._file.is_group(item)
            and self._file.is_references(item)
            and "MATLAB_class" not in item.attrs
        )

    def _referenced(self, item, label, depth):
        # A tensor first: what it declares is compared with what is there.
        references = self._file.tensor(item, label).load().T.ravel("F")
        return [
            self.node(self._file.root[reference], f"{label}({i})", depth + 1)
            for i, reference in enumerate(references, start=1)
        ]

    def _values(self, item, label, depth):
        kind = self._file.attribute(item, "MATLAB_class", b"")
        kind = kind.decode("ascii", "replace")
        if self._file.attribute(item, "MATLAB_empty"):
            return {"cell": [], "char": "", "struct": []}.get(kind)
        if self._file.is_references(item):
            return self._referenced(item, label, depth)
        tensor = self._file.tensor(item, label, reverse=True)
        if kind != "char":
            return tensor
        if item.size > _MAX_TEXT:
            raise ValueError(f"{label} is a text of {item.size} letters")
        return "".join(map(chr, tensor.load().ravel().tolist()))
