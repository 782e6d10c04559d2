"""The safetensors container: opened, bounded, and checked against its hash."""

import hashlib
import json
import math
from collections.abc import Iterable
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors import safe_open

from kerasseg.zoo.errors import WeightsError
from kerasseg.zoo.errors import shown

# The key of the metadata, and the version of what it says.
METADATA = "kerasseg"
FORMAT_VERSION = 1

_DTYPES = {
    "F32": np.dtype("float32"),
    "F16": np.dtype("float16"),
    "I64": np.dtype("int64"),
    "I32": np.dtype("int32"),
    "I16": np.dtype("int16"),
    "I8": np.dtype("int8"),
    "U64": np.dtype("uint64"),
    "U32": np.dtype("uint32"),
    "U16": np.dtype("uint16"),
    "U8": np.dtype("uint8"),
    "BOOL": np.dtype("bool"),
}
# What comes before the header: its length.
_PREFIX = 8
# Our largest header takes 70 kB; parsing takes ten times as much memory.
_MAX_HEADER = 1 << 24


class Safetensors:
    """A safetensors file whose header is read and checked, and no number yet.

    Args:
        path: Path of the file.

    Attributes:
        shapes: The shape of each tensor by name.
        dtypes: The NumPy dtype of each tensor by name.

    Raises:
        FileNotFoundError: If there is no such file.
        WeightsError: If the file is damaged or of another format.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise FileNotFoundError(f"There is no weights file at {path}")
        self._check_header_size()
        try:
            self._stored = safe_open(self.path, framework="numpy")
        except FileNotFoundError:
            # Deleted since: a save of a folder has put another in its place.
            raise
        except (SafetensorError, OSError) as error:
            raise self._damaged(error) from error
        try:
            self._check_metadata()
            self.shapes, self.dtypes = self._describe()
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *error) -> None:
        self._stored.__exit__(None, None, None)

    def read(self, name: str) -> np.ndarray:
        """Reads one tensor.

        Args:
            name: Name of the tensor.

        Returns:
            An array.

        Raises:
            WeightsError: If the tensor cannot be read or is not finite.
        """
        try:
            array = self._stored.get_tensor(name)
        except (SafetensorError, OSError) as error:
            raise self._damaged(error) from error
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise WeightsError(
                "`path` must be a weights file of finite numbers. Received: "
                f"path='{self.path}', NaN or infinity in {shown(name)}"
            )
        return array

    def _check_metadata(self):
        """Checks what a file says about itself; nothing, if it is of others."""

    def _check_header_size(self):
        with self.path.open("rb") as file:
            length = int.from_bytes(file.read(_PREFIX), "little")
        if length > _MAX_HEADER:
            raise self._damaged(f"a header of {length} bytes")

    def _describe(self):
        shapes, dtypes = {}, {}
        for name in self._stored.keys():  # noqa: SIM118  no mapping
            tensor = self._stored.get_slice(name)
            if tensor.get_dtype() not in _DTYPES:
                raise WeightsError(
                    "`path` must be a weights file of plain numbers. Received: "
                    f"path='{self.path}', where {shown(name)} has the type "
                    f"{tensor.get_dtype()}"
                )
            shapes[name] = tuple(tensor.get_shape())
            dtypes[name] = _DTYPES[tensor.get_dtype()]
        return shapes, dtypes

    def _damaged(self, error):
        return WeightsError(
            "`path` must be a complete weights file. Received: "
            f"path='{self.path}', which is damaged or of another format "
            f"({shown(str(error), 200)}). Fetch or write it again."
        )


class TensorFile(Safetensors):
    """A weights file of this library; `Safetensors` with facts and a hash.

    Used in a `with` statement.

    Args:
        path: Path of a file that `kerasseg.zoo.write_weights` wrote.

    Attributes:
        facts: What the file says about itself.

    Raises:
        FileNotFoundError: If there is no such file.
        WeightsError: If the file is damaged or no weights file of this library.
    """

    @property
    def num_classes(self) -> int:
        """The number of classes, 0 where the model has no single one."""
        return self.facts["num_classes"]

    def check_digest(self) -> None:
        """Compares all numbers, names, shapes and types with their hash.

        Raises:
            WeightsError: If anything has changed.
        """
        size = sum(
            math.prod(shape) * self.dtypes[name].itemsize
            for name, shape in self.shapes.items()
        )
        with self.path.open("rb") as file:
            file.seek(self.path.stat().st_size - size)
            blocks = iter(lambda: file.read(1 << 20), b"")
            found = digest(self.shapes, self.dtypes, blocks)
        if found != self.facts["sha256"]:
            raise self._damaged("its numbers are not those that were written")

    def _check_metadata(self):
        text = (self._stored.metadata() or {}).get(METADATA)
        try:
            facts = json.loads(text)
            valid = (
                facts["format_version"] == FORMAT_VERSION
                and isinstance(facts["num_classes"], int)
                and facts["num_classes"] >= 0
                and isinstance(facts["sha256"], str)
            )
        except (ValueError, TypeError, KeyError, RecursionError):
            valid = False
        if not valid:
            raise WeightsError(
                f"`path` must be a weights file of version {FORMAT_VERSION}, "
                "as `kerasseg.zoo.write_weights` writes. Received: "
                f"path='{self.path}' with the metadata {shown(text)}"
            )
        self.facts = facts


def digest(
    shapes: Mapping[str, tuple[int, ...]],
    dtypes: Mapping[str, np.dtype],
    numbers: Iterable[bytes],
) -> str:
    """Returns the hash of tensors, their names, shapes and types.

    Args:
        shapes: The shape of each tensor by name.
        dtypes: The NumPy dtype of each tensor by name.
        numbers: The bytes of all tensors as they are stored, in parts.

    Returns:
        A SHA-256 hash in hexadecimal digits.
    """
    names = [
        [name, dtypes[name].str, list(shapes[name])] for name in sorted(shapes)
    ]
    result = hashlib.sha256(json.dumps(names).encode())
    for part in numbers:
        result.update(part)
    return result.hexdigest()
