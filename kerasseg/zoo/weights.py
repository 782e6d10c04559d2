"""Weights files: safetensors, one tensor per variable, named by its path.

A file holds numbers and one JSON text about them, and no code. Its names,
shapes and types are compared with the model before any number is read, and
all numbers are checked before the first variable is changed.
"""

import json
from collections.abc import Collection
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from safetensors.numpy import save

from kerasseg.arguments import check_choice
from kerasseg.channels import count_of
from kerasseg.channels import first_kernel
from kerasseg.channels import reads_other_channels
from kerasseg.files import atomic_file
from kerasseg.ids import listed
from kerasseg.zoo.entries import ENTRIES
from kerasseg.zoo.errors import WeightsError
from kerasseg.zoo.errors import shown
from kerasseg.zoo.fetch import weights_path
from kerasseg.zoo.hub_name import hub_name
from kerasseg.zoo.hub_name import is_hub_name
from kerasseg.zoo.hugging_face import fetched_folder
from kerasseg.zoo.record import check_file
from kerasseg.zoo.record import is_saved
from kerasseg.zoo.record import with_record
from kerasseg.zoo.tensors import FORMAT_VERSION
from kerasseg.zoo.tensors import METADATA
from kerasseg.zoo.tensors import TensorFile
from kerasseg.zoo.tensors import digest
from kerasseg.zoo.variables import named_variables

_MAX_LISTED = 5


def write_weights(
    model: keras.Model,
    path: str | Path,
    dtype: str = "float16",
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Writes the weights of a model to a safetensors file.

    The file is complete or absent: it is written under a temporary name, read
    back, compared, and then renamed. Equal weights give equal bytes.

    Args:
        model: A built `keras.Model` whose variables have unique paths.
        path: Path of the file, by custom ending in `.safetensors`.
        dtype: `"float16"` or `"float32"`: how kernels (variables of two or
            more axes) are stored. Vectors, such as the statistics of batch
            normalization, and kernels with numbers too large for float16 are
            always stored in float32. Defaults to `"float16"`.
        facts: What the file is to say about itself besides the name of the
            model and its number of classes, as JSON values by name. Defaults
            to `None`: nothing.

    Raises:
        ValueError: If `dtype` is unknown, the model has no variables, two
            variables share a path, or a number is not finite.
        OSError: If the file cannot be written. A file that was at `path` is
            then still there, unchanged.
    """
    check_choice("dtype", dtype, ("float16", "float32"))
    arrays = {
        name: _storable(name, variable, dtype)
        for name, variable in _variables(model).items()
    }
    content = _content(
        arrays,
        {
            **(facts or {}),
            "format_version": FORMAT_VERSION,
            "keras_version": keras.__version__,
            "model": model.name,
            "num_classes": _num_classes(model) or 0,
        },
    )
    with atomic_file(path) as temporary:
        temporary.write_bytes(content)
        _verify(temporary, arrays)


def read_weights(
    model: keras.Model,
    path: str | Path,
    allow_extra: bool = False,
    skip: Collection[str] = (),
    adapt_channels: bool = False,
) -> None:
    """Reads a weights file into a model.

    All is checked before the first variable is changed: the model is either
    loaded completely or left as it was.

    Args:
        model: A built `keras.Model`.
        path: Path of a file that `write_weights` wrote, or of a folder that
            `save` wrote; or the name of an entry, or `"hf://USER/NAME"`.
        allow_extra: Whether the file may hold variables that the model lacks.
            Defaults to `False`.
        skip: Paths of variables that keep the values they have. Defaults to
            `()`.
        adapt_channels: Whether kernels in the file that read RGB images may
            be adapted to the channels of the model, see
            `kerasseg.backbones.with_channels`. Defaults to `False`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the entry has no trained weights.
        WeightsError: If the file is damaged, is no weights file of this
            library, or belongs to another architecture.
    """
    variables = {
        name: variable
        for name, variable in _variables(model).items()
        if name not in skip
    }
    channels = count_of(model) if adapt_channels else None
    with TensorFile(_file(path)) as stored:
        extra = () if allow_extra else set(stored.shapes) - {*variables, *skip}
        adapted = {
            name: shape
            for name, variable in variables.items()
            if name in stored.shapes
            and reads_other_channels(
                stored.shapes[name], shape := tuple(variable.shape), channels
            )
        }
        _check_same(variables, stored, sorted(extra), adapted)
        stored.check_digest()
        arrays = {name: stored.read(name) for name in variables}
    for name in adapted:
        arrays[name] = first_kernel(arrays[name].astype("float32"), channels)
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
        path: Path of a file that `write_weights` wrote, or of a folder that
            `save` wrote; or the name of an entry, or `"hf://USER/NAME"`.

    Returns:
        The paths of these variables, in the order of the model.

    Raises:
        FileNotFoundError: If there is no such file.
        WeightsError: If the file is damaged or no weights file of this library.
    """
    with TensorFile(_file(path)) as stored:
        shapes, old = stored.shapes, stored.num_classes
    new = _num_classes(model)
    if not old or not new or old == new:
        return ()
    return tuple(
        name
        for name, variable in _variables(model).items()
        if name in shapes
        and _differs_by_classes(shapes[name], tuple(variable.shape), old, new)
    )


def _file(path):
    """The file that a path or name stands for, compared with its hash."""
    if is_hub_name(path):
        path = fetched_folder(hub_name(path))
    # As everywhere, an entry wins over a folder of the same name.
    elif path in ENTRIES:
        return weights_path(ENTRIES[path])
    if not is_saved(path):
        return path

    def checked(record):
        check_file(Path(path) / record.weights, record.weights_sha256)
        return Path(path) / record.weights

    return with_record(path, checked)


def _differs_by_classes(stored, wanted, old, new):
    if len(stored) != len(wanted):
        return False
    changed = [(a, b) for a, b in zip(stored, wanted, strict=True) if a != b]
    return bool(changed) and all(
        a % old == 0 and b % new == 0 and a // old == b // new
        for a, b in changed
    )


def _variables(model):
    variables = named_variables(model)
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
    # A tensor of safetensors is one block of memory.
    array = np.ascontiguousarray(array).reshape(array.shape)
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


def _content(arrays, facts):
    # safetensors writes several metadata in an order of its own each time, so
    # that all are one. The numbers come last, whatever the metadata.
    size = sum(array.nbytes for array in arrays.values())
    numbers = save(arrays)[-size:]
    shapes = {name: array.shape for name, array in arrays.items()}
    dtypes = {name: array.dtype for name, array in arrays.items()}
    facts = {**facts, "sha256": digest(shapes, dtypes, [numbers])}
    return save(arrays, {METADATA: json.dumps(facts, sort_keys=True)})


def _verify(path, arrays):
    with TensorFile(path) as stored:
        same = set(stored.shapes) == set(arrays) and all(
            np.array_equal(stored.read(name), array)
            for name, array in arrays.items()
        )
    if not same:
        raise OSError(
            f"The weights written to {path} do not read back as they were. "
            "The disk may be failing. Nothing was replaced."
        )


def _check_same(variables, stored, extra, adapted):
    missing = [name for name in variables if name not in stored.shapes]
    both = [name for name in variables if name in stored.shapes]
    shapes = [
        f"{name} {stored.shapes[name]}, in the model {shape}"
        for name in both
        if (shape := tuple(variables[name].shape)) != stored.shapes[name]
        and name not in adapted
    ]
    kinds = [
        f"{name} {stored.dtypes[name]}, in the model {variables[name].dtype}"
        for name in both
        if not _fits(stored.dtypes[name], variables[name])
    ]
    problems = [
        _listing("missing from the file", missing),
        _listing("not in the model", extra),
        _listing("of another shape", shapes),
        _listing("of another type", kinds),
    ]
    if any(problems):
        raise WeightsError(
            "`path` must be a weights file for this model. "
            f"Received: path='{stored.path}', written for another architecture "
            f"(model '{shown(stored.facts.get('model'))}', "
            f"{stored.num_classes} classes). "
            f"Variables {'; '.join(filter(None, problems))}."
        )


def _fits(dtype, variable):
    wanted = keras.backend.standardize_dtype(variable.dtype)
    if "float" in wanted:
        return dtype.kind == "f"
    return dtype.kind != "f" and np.can_cast(dtype, wanted)


def _listing(what, names):
    if not names:
        return ""
    some = listed([*map(shown, names)], _MAX_LISTED)
    return f"{what} ({len(names)}): {some}"
