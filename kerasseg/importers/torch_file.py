"""State dictionaries of PyTorch: safetensors, and what `torch.save` wrote.

PyTorch need not be installed, and nothing is unpickled, see `pickled`.
"""

import math
import mmap
import zipfile
from pathlib import Path

import numpy as np

from kerasseg.importers.pickled import NumbersError
from kerasseg.importers.pickled import Stored
from kerasseg.importers.pickled import read_pickle
from kerasseg.importers.source import Tensor
from kerasseg.zoo.errors import WeightsError
from kerasseg.zoo.errors import shown
from kerasseg.zoo.tensors import Safetensors

# How a file of `torch.save` before version 1.6 begins: a pickled number.
LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
ZIP = b"PK\x03\x04"
# Three short pickles precede the list: that number, a version, the machine's.
_PREAMBLE = 3
_LIST, _MAX_LIST = "/data.pkl", 1 << 24
_LITTLE = b"little"
# Where trainers put the state of the model in what they save.
_KEYS = ("state_dict", "model_state_dict", "model_state", "model", "net")
_HEADER = 30


def read_tensors(path: str | Path) -> dict[str, Tensor]:
    """Reads the list of tensors of a state dictionary.

    Args:
        path: Path of a safetensors file, or of a file that `torch.save` wrote,
            of any version.

    Returns:
        Tensors in the layout of PyTorch, by name. They are read when they are
        asked for.

    Raises:
        WeightsError: If the file is damaged, or needs code to be read.
    """
    with open(path, "rb") as file:
        head = file.read(len(LEGACY))
    if head.startswith(ZIP):
        return _guarded(path, _read_zip)
    if head == LEGACY:
        return _guarded(path, _read_legacy)
    return _read_safetensors(path)


def _read_safetensors(path):
    stored = Safetensors(path)
    return {
        name: Tensor(name, shape, lambda name=name: stored.read(name))
        for name, shape in stored.shapes.items()
    }


def _guarded(path, read):
    try:
        return read(path)
    except WeightsError:
        raise
    except NumbersError as error:
        raise WeightsError(
            "`path` must be a state dictionary of floats of 16, 32 or 64 bits "
            f"or of integers. Received: path='{path}', with numbers of the "
            f"type {shown(str(error))}. In PyTorch, tensor.float() makes them "
            "floats of 32 bits."
        ) from error
    except Exception as error:
        # Python's own readers of pickles and archives raise anything.
        raise WeightsError(
            "`path` must be a state dictionary of tensors, as safetensors or "
            "as torch.save(model.state_dict()) writes it. Received: "
            f"path='{path}' ({shown(str(error), 300)}). A pickle is a program, "
            "and running it can do anything: kerasseg reads lists of tensors "
            "only, and runs nothing. Where it is trusted, load it in PyTorch "
            "and save its state_dict() as safetensors."
        ) from error


def _read_zip(path):
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: info for info in archive.infolist()}
        folders = [
            name.removesuffix(_LIST) for name in members if name.endswith(_LIST)
        ]
        if len(folders) != 1:
            raise ValueError(f"an archive with {len(folders)} lists of tensors")
        (folder,) = folders
        _check_byte_order(archive, f"{folder}/byteorder")
        listing = members[folder + _LIST]
        if listing.file_size > _MAX_LIST:
            raise ValueError(f"a list of {listing.file_size} bytes")
        with archive.open(listing) as file:
            state = read_pickle(file)

    def place(storage):
        info = members[f"{folder}/data/{storage.key}"]
        if info.compress_type != zipfile.ZIP_STORED:
            raise ValueError("compressed numbers")
        return _start(path, info), info.file_size

    return _tensors(path, state, place)


def _check_byte_order(archive, name):
    # Files before PyTorch 2.1 do not say.
    if name in archive.namelist():
        with archive.open(name) as file:
            if file.read(len(_LITTLE)) != _LITTLE:
                raise ValueError("numbers of another order of bytes")


def _start(path, info):
    """Where the bytes of a stored member start."""
    with open(path, "rb") as file:
        file.seek(info.header_offset)
        header = file.read(_HEADER)
    lengths = (header[26:28], header[28:30])
    names = sum(int.from_bytes(length, "little") for length in lengths)
    return info.header_offset + _HEADER + names


def _read_legacy(path):
    with (
        open(path, "rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        for _ in range(_PREAMBLE):
            read_pickle(content)
        state = read_pickle(content)
        keys = read_pickle(content)
        storages = {t.storage.key: t.storage for t in _stored(state)}
        places = {}
        for key in keys:
            count = int.from_bytes(content.read(8), "little")
            size = count * np.dtype(storages[key].dtype).itemsize
            places[key] = content.tell(), size
            content.seek(min(content.tell() + size, len(content)))
    return _tensors(path, state, lambda storage: places[storage.key])


def _stored(saved):
    """All tensors in what was saved, such as those of an optimizer."""
    found, todo, seen = [], [saved], set()
    while todo:
        value = todo.pop()
        if isinstance(value, Stored):
            found.append(value)
        elif isinstance(value, dict | list | tuple) and id(value) not in seen:
            # A pickle can hold a list that holds itself.
            seen.add(id(value))
            todo += value.values() if isinstance(value, dict) else value
    return found


def _state(saved):
    """The dictionary of tensors in what was saved."""
    for key in _KEYS:
        if isinstance(saved, dict) and isinstance(saved.get(key), dict):
            saved = saved[key]
    if not isinstance(saved, dict):
        raise ValueError("no dictionary of tensors")
    state = {
        name: value
        for name, value in saved.items()
        if isinstance(name, str) and isinstance(value, Stored)
    }
    if not state:
        raise ValueError("no tensors")
    return state


def _tensors(path, saved, place):
    end = Path(path).stat().st_size
    tensors = {}
    for name, stored in _state(saved).items():
        start, size = place(stored.storage)
        wanted = stored.storage.size * np.dtype(stored.storage.dtype).itemsize
        if size < wanted or start + wanted > end:
            raise ValueError(f"{shown(name)} ends after the file")
        tensors[name] = _tensor(path, name, stored, start)
    return tensors


def _tensor(path, name, stored, start):
    dtype = np.dtype(stored.storage.dtype)

    def load():
        # Mapped: only what the tensor covers is read.
        numbers = np.memmap(path, dtype, "r", start, (stored.storage.size,))
        return np.lib.stride_tricks.as_strided(
            numbers[stored.start :],
            stored.shape,
            [step * dtype.itemsize for step in stored.strides],
            writeable=False,
        )

    if not math.prod(stored.shape):
        return Tensor(name, stored.shape, lambda: np.empty(stored.shape))
    return Tensor(name, stored.shape, load)
