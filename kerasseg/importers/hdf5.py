"""HDF5 files of others: no links out of the file, no sizes beyond it."""

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path

from kerasseg.importers.packages import require
from kerasseg.importers.source import Tensor
from kerasseg.importers.source import unreadable
from kerasseg.zoo.errors import WeightsError

# The most that deflate can make of a byte.
_INFLATION = 1032
_SMALL = 1 << 12
# Longer lists of layers are in several attributes of 64 kB.
_MAX_ATTRIBUTE = 1 << 20


class Hdf5File:
    """An open HDF5 file.

    It stays open as long as a tensor of it is held.

    Args:
        path: Path of the file.
        what: What it should be, for messages.
    """

    def __init__(self, path: str | Path, what: str) -> None:
        self.path = path
        self._what = what
        self._h5py = require("h5py", "h5py")
        with self.errors():
            self.root = self._h5py.File(path, "r")

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Turns what h5py raises on damaged files into one error.

        Raises:
            WeightsError: If anything is raised inside.
        """
        try:
            yield
        except WeightsError:
            raise
        except Exception as error:
            # HDF5 has an exception of any class for a damaged file.
            raise unreadable(self.path, self._what, error) from error

    def address(self, item) -> int:
        """Where an item is in the file: one number for each.

        Args:
            item: Group or dataset.

        Returns:
            The address.
        """
        return self._h5py.h5o.get_info(item.id).addr

    def is_group(self, item) -> bool:
        """Whether an item is a group.

        Args:
            item: Group or dataset.

        Returns:
            The answer.
        """
        return isinstance(item, self._h5py.Group)

    def is_references(self, item) -> bool:
        """Whether a dataset holds references to others.

        Args:
            item: Dataset.

        Returns:
            The answer.
        """
        return self._h5py.check_ref_dtype(item.dtype) is self._h5py.Reference

    def member(self, group, name: str):
        """A member of a group.

        Args:
            group: The group.
            name: Its name, or a path of names.

        Returns:
            The group or dataset.

        Raises:
            ValueError: If it is a link to another place or file.
        """
        for part in name.split("/"):
            if not self.is_group(group):
                raise ValueError(f"{part!r} below what is no group")
            link = group.get(part, getlink=True)
            if not isinstance(link, self._h5py.HardLink):
                raise ValueError(f"{part!r} is a link to elsewhere")
            group = group[part]
        return group

    def is_of_variable_length(self, item, name: str) -> bool:
        """Whether an attribute holds texts of variable length.

        Args:
            item: Group or dataset.
            name: Name of an attribute that it has.

        Returns:
            The answer. Such texts are not read: HDF5 1.14 runs in circles
            where they are damaged.
        """
        return item.attrs.get_id(name).dtype.kind == "O"

    def attribute(self, item, name: str, default=None):
        """An attribute of a group or dataset.

        Args:
            item: Group or dataset.
            name: Name of the attribute.
            default: Its value where there is none. Defaults to `None`.

        Returns:
            The value.

        Raises:
            ValueError: If it declares more than a list of layers takes, or
                its texts are of variable length.
        """
        if name not in item.attrs:
            return default
        stored = item.attrs.get_id(name)
        if self.is_of_variable_length(item, name):
            raise ValueError(f"the attribute {name} is of variable length")
        size = math.prod(stored.shape) * stored.dtype.itemsize
        if size > _MAX_ATTRIBUTE:
            raise ValueError(f"the attribute {name} declares {size} bytes")
        return item.attrs[name]

    def tensor(self, dataset, label: str, reverse: bool = False) -> Tensor:
        """The numbers of a dataset, not read yet.

        Args:
            dataset: The dataset.
            label: Name of the tensor.
            reverse: Whether its axes are in reverse order, as MATLAB writes
                them. Defaults to `False`.

        Returns:
            A `Tensor`.

        Raises:
            ValueError: If its numbers are elsewhere, or are more than the
                file can hold.
        """
        if dataset.is_virtual or dataset.external:
            raise ValueError(f"the numbers of {label} are in another file")
        if dataset.dtype.kind == "O" and not self.is_references(dataset):
            raise ValueError(f"{label} holds items of variable length")
        shape = tuple(int(n) for n in dataset.shape or ())
        size = math.prod(shape) * dataset.dtype.itemsize
        stored = dataset.id.get_storage_size()
        most = stored * _INFLATION if dataset.chunks else stored
        if size > max(most, _SMALL):
            raise ValueError(
                f"{label} declares {size} bytes, {stored} are there"
            )

        def load():
            with self.errors():
                array = dataset[()]
                return array.T if reverse else array

        return Tensor(label, shape[::-1] if reverse else shape, load)
