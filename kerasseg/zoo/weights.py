"""Weights files: one HDF5 data set per variable, named by its path.

The format holds numbers and nothing else. Reading one executes no code: object
types, links, external storage and unknown filters are refused, and so is a
shape that the model does not have, before its numbers are read.
"""

import contextlib
import zlib
from collections.abc import Collection
from collections.abc import Iterator
from pathlib import Path

import h5py
import keras
import numpy as np

from kerasseg.atomic import atomic_file

FORMAT = "kerasseg.weights"
FORMAT_VERSION = 1

_FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE}
# What h5py raises on damaged files, next to OSError.
_UNREADABLE = (OSError, RuntimeError, KeyError, TypeError, ValueError)
_MAX_DEPTH = 32
_MAX_LISTED = 5


class WeightsError(ValueError):
    """A weights file that is damaged, or made for another model."""


def write_weights(
    model: keras.Model, path: str | Path, dtype: str = "float16"
) -> None:
    """Writes the weights of a model to a file.

    The file is complete or absent: it is written under a temporary name, read
    back, compared, and then renamed. Equal weights give equal bytes.

    Args:
        model: A built `keras.Model` whose variables have unique paths.
        path: Path of the file, by custom ending in `.weights.h5`.
        dtype: `"float16"` or `"float32"`: how kernels (variables of two or
            more axes) are stored. Vectors, such as the statistics of batch
            normalization, and kernels with numbers too large for float16 are
            always stored in float32. Defaults to `"float16"`.

    Raises:
        ValueError: If `dtype` is unknown, the model has no variables, two
            variables share a path, or a number is not finite.
        OSError: If the file cannot be written. A file that was at `path` is
            then still there, unchanged.
    """
    if dtype not in ("float16", "float32"):
        raise ValueError(
            f'`dtype` must be "float16" or "float32". Received: dtype={dtype!r}'
        )
    arrays = {
        name: _storable(name, variable, dtype)
        for name, variable in _variables(model).items()
    }
    attributes = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "keras_version": keras.__version__,
        "model": model.name,
        "num_classes": _num_classes(model) or 0,
    }
    # Made in memory first: HDF5 cannot close a file properly once the disk is
    # full, while a plain write fails cleanly.
    content = _file_image(arrays, attributes)
    with atomic_file(path) as temporary:
        temporary.write_bytes(content)
        _verify(temporary, arrays)


def read_weights(
    model: keras.Model,
    path: str | Path,
    allow_extra: bool = False,
    skip: Collection[str] = (),
) -> None:
    """Reads a weights file into a model.

    All is checked before the first variable is changed: the model is either
    loaded completely or left as it was.

    Args:
        model: A built `keras.Model`.
        path: Path of a file that `write_weights` wrote.
        allow_extra: Whether the file may hold variables that the model lacks.
            Defaults to `False`.
        skip: Paths of variables that keep the values they have. Defaults to
            `()`.

    Raises:
        FileNotFoundError: If there is no such file.
        WeightsError: If the file is damaged, is no weights file of this
            library, or belongs to another architecture.
    """
    variables = {
        name: variable
        for name, variable in _variables(model).items()
        if name not in skip
    }
    with _open(path) as stored:
        datasets = _datasets(stored, path)
        _check_same(variables, datasets, stored, path, allow_extra, skip)
        arrays = {name: _read(datasets[name], path) for name in variables}
    for name, variable in variables.items():
        variable.assign(arrays[name])


def class_dependent_names(
    model: keras.Model, path: str | Path
) -> tuple[str, ...]:
    """Finds the variables whose shape differs with the number of classes.

    A variable counts if every axis that differs has `k` entries per class, the
    same `k` in the file and in the model. Any other difference means another
    architecture, and is left for `read_weights` to refuse.

    Args:
        model: A built `keras.Model`.
        path: Path of a file that `write_weights` wrote.

    Returns:
        The paths of these variables, in the order of the model.

    Raises:
        FileNotFoundError: If there is no such file.
        WeightsError: If the file is damaged or no weights file of this library.
    """
    with _open(path) as stored:
        shapes = {
            name: dataset.shape
            for name, dataset in _datasets(stored, path).items()
        }
        old = _attribute(stored, "num_classes", path)
    new = _num_classes(model)
    if not old or not new or old == new:
        return ()
    return tuple(
        name
        for name, variable in _variables(model).items()
        if name in shapes
        and _differs_by_classes(shapes[name], tuple(variable.shape), old, new)
    )


def _differs_by_classes(stored, wanted, old, new):
    if len(stored) != len(wanted):
        return False
    changed = [(a, b) for a, b in zip(stored, wanted, strict=True) if a != b]
    return bool(changed) and all(
        a % old == 0 and b % new == 0 and a // old == b // new
        for a, b in changed
    )


def _variables(model):
    variables = {}
    for variable in model.weights:
        if variable.path in variables:
            raise ValueError(
                "`model` must have variables with unique paths: give each "
                "layer that owns weights a name of its own, also against the "
                f"layers of the backbone. Received: {variable.path!r} twice"
            )
        variables[variable.path] = variable
    if not variables:
        raise ValueError(
            "`model` must be built and have weights. "
            f"Received: model={model.name!r} without variables"
        )
    return variables


def _num_classes(model):
    # A dictionary of outputs (deep supervision) has no single number.
    shape = getattr(getattr(model, "output", None), "shape", None)
    return shape[-1] if shape else None


def _storable(name, variable, dtype):
    array = np.asarray(keras.ops.convert_to_numpy(variable.value))
    if array.dtype.kind in "iub":
        return array
    array = array.astype("float32")
    if not np.isfinite(array).all():
        raise ValueError(
            "`model` must have finite weights to be saved. "
            f"Received: NaN or infinity in {name!r}"
        )
    if dtype == "float16" and array.ndim > 1:
        with np.errstate(over="ignore"):
            half = array.astype("float16")
        if np.isfinite(half).all():
            return half
    return array


def _file_image(arrays, attributes):
    with h5py.File(
        "weights", "w", driver="core", backing_store=False
    ) as stored:
        stored.attrs.update(attributes)
        for name, array in arrays.items():
            packed = {"compression": "gzip", "shuffle": True}
            dataset = stored.create_dataset(
                name, data=array, **(packed if array.ndim else {})
            )
            dataset.attrs["crc32"] = _checksum(array)
        stored.flush()
        return stored.id.get_file_image()


def _checksum(array):
    # HDF5's own checksums leave out the type and the filters of a data set.
    start = zlib.crc32(f"{array.dtype.str} {array.shape}".encode())
    return zlib.crc32(np.ascontiguousarray(array).tobytes(), start)


def _verify(path, arrays):
    with _open(path) as stored:
        datasets = _datasets(stored, path)
        same = set(datasets) == set(arrays) and all(
            np.array_equal(_read(datasets[name], path), array)
            for name, array in arrays.items()
        )
    if not same:
        raise OSError(
            f"The weights written to {path} do not read back as they were. "
            "The disk may be failing. Nothing was replaced."
        )


@contextlib.contextmanager
def _open(path: str | Path) -> Iterator[h5py.File]:
    if not Path(path).is_file():
        raise FileNotFoundError(f"There is no weights file at {path}")
    try:
        stored = h5py.File(path, "r")
    except OSError as error:
        raise WeightsError(
            f"`path` must be a complete weights file. Received: path='{path}', "
            f"which is damaged or of another format ({error}). "
            "Fetch or write it again."
        ) from error
    with stored:
        found = _attribute(stored, "format", path)
        version = _attribute(stored, "format_version", path)
        if found != FORMAT or version != FORMAT_VERSION:
            raise WeightsError(
                f"`path` must be a weights file of format {FORMAT} "
                f"{FORMAT_VERSION}, as `kerasseg.zoo.write_weights` writes. "
                f"Received: path='{path}' of format {found!r} {version!r}"
            )
        yield stored


def _attribute(stored, name, path):
    try:
        return stored.attrs.get(name)
    except _UNREADABLE as error:
        raise WeightsError(_damaged(path, error)) from error


def _datasets(stored, path):
    found = {}
    pending = [("", stored, 0)]
    try:
        while pending:
            prefix, group, depth = pending.pop()
            for key in group:
                name = prefix + key
                item = _item(group, key, name, path)
                if isinstance(item, h5py.Dataset):
                    found[name] = item
                elif depth < _MAX_DEPTH:
                    pending.append((name + "/", item, depth + 1))
                else:
                    _refuse(path, name, "is nested too deeply")
    except WeightsError:
        raise
    except _UNREADABLE as error:
        raise WeightsError(_damaged(path, error)) from error
    return found


def _item(group, key, name, path):
    if not isinstance(group.get(key, getlink=True), h5py.HardLink):
        _refuse(path, name, "is a link")
    item = group[key]
    if h5py.h5o.get_info(item.id).rc != 1:
        _refuse(path, name, "is reached by two names")
    if isinstance(item, h5py.Group):
        return item
    if not isinstance(item, h5py.Dataset) or item.dtype.kind not in "fiub":
        _refuse(path, name, "holds no plain numbers")
    if item.is_virtual or item.external:
        _refuse(path, name, "keeps its numbers in another file")
    plan = item.id.get_create_plist()
    filters = {plan.get_filter(i)[0] for i in range(plan.get_nfilters())}
    if not filters <= _FILTERS:
        _refuse(path, name, "is compressed in an unknown way")
    return item


def _refuse(path, name, why):
    raise WeightsError(
        "`path` must be a weights file that holds numbers and nothing else. "
        f"Received: path='{path}', where {name!r} {why}"
    )


def _damaged(path, error):
    return (
        f"The weights file {path} is damaged ({error}). "
        "Fetch or write it again."
    )


def _read(dataset, path):
    try:
        array = dataset[()]
        if dataset.attrs["crc32"] != _checksum(array):
            raise OSError(f"the numbers of {dataset.name} have changed")
    except _UNREADABLE as error:
        raise WeightsError(_damaged(path, error)) from error
    return array


def _check_same(variables, datasets, stored, path, allow_extra, skip):
    missing = [name for name in variables if name not in datasets]
    extra = [
        name
        for name in datasets
        if name not in variables and name not in skip and not allow_extra
    ]
    shapes = [
        f"{name} {datasets[name].shape}, in the model {tuple(variable.shape)}"
        for name, variable in variables.items()
        if name in datasets and datasets[name].shape != tuple(variable.shape)
    ]
    problems = [
        _listing("missing from the file", missing),
        _listing("not in the model", extra),
        _listing("of another shape", shapes),
    ]
    if missing or extra or shapes:
        raise WeightsError(
            "`path` must be a weights file for this model. "
            f"Received: path='{path}', written for another architecture "
            f"(model {_attribute(stored, 'model', path)!r}, "
            f"{_attribute(stored, 'num_classes', path)} classes). "
            f"Variables {'; '.join(filter(None, problems))}."
        )


def _listing(what, names):
    if not names:
        return ""
    shown = ", ".join(names[:_MAX_LISTED])
    if len(names) > _MAX_LISTED:
        shown += f" and {len(names) - _MAX_LISTED} more"
    return f"{what} ({len(names)}): {shown}"
