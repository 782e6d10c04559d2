"""Ids in masks: which are known, which are ignored, and checks of both.

Losses, metrics, datasets, training and export ask here. Nothing here imports
Keras at load.
"""

from collections.abc import Collection
from typing import Any

import numpy as np

__all__ = [
    "FRACTIONS",
    "NO_ID",
    "VOID",
    "check_ids",
    "check_void",
    "class_ids",
    "default_ignored",
    "ids_config",
    "ignored_ids",
    "integers",
    "is_integer",
    "listed",
    "match",
    "present_ids",
    "unknown_ids",
    "value_or_none",
    "whole_ids",
]

# The id of pixels that are to be ignored, where nothing else is said.
VOID = 255
# What a value that is no whole number becomes where ids are expected: no id.
NO_ID = -(2**31)
FRACTIONS = "values that are not whole numbers, as of a mask scaled to 0..1"
_SEVERAL = (list, tuple, set, frozenset, np.ndarray)


def ids_config(ids: Any, name: str = "ignore_class") -> None | int | list[int]:
    """The JSON-clean form of an argument that names class ids.

    Args:
        ids: Integer, sequence or one-dimensional array of integers, or
            `None` for no id. Integers of NumPy count as integers.
        name: Name of the argument, for the message. Defaults to
            `"ignore_class"`.

    Returns:
        `None`, an integer, or a list of integers.

    Raises:
        TypeError: If it is anything else.
    """
    if ids is None:
        return None
    several = isinstance(ids, _SEVERAL) and np.ndim(ids) != 0
    given = list(ids) if several else [ids]
    if not all(is_integer(i) for i in given):
        raise TypeError(
            f"`{name}` must be an integer, a sequence of integers or `None`. "
            f"Received: {name}={ids!r}"
        )
    numbers = [int(i) for i in given]
    return numbers if several else numbers[0]


def ignored_ids(ids: Any, name: str = "ignore_class") -> tuple[int, ...]:
    """An argument that names class ids, as a tuple.

    Args:
        ids: Integer, sequence or one-dimensional array of integers, or
            `None` for no id.
        name: Name of the argument, for the message. Defaults to
            `"ignore_class"`.

    Returns:
        A tuple of Python integers.

    Raises:
        TypeError: If it is anything else.
    """
    ids = ids_config(ids, name)
    if ids is None:
        return ()
    return tuple(ids) if isinstance(ids, list) else (ids,)


def default_ignored(num_classes: int) -> tuple[int, ...]:
    """The ids that are ignored where nothing is said.

    Args:
        num_classes: Number of classes.

    Returns:
        255 where that is no class, else none.
    """
    return () if num_classes > VOID else (VOID,)


def check_void(ignore_class: None | int | list[int], num_classes: int) -> None:
    """Refuses the id 255 as void, the default, where it is a class.

    Args:
        ignore_class: What `ids_config` returned.
        num_classes: Number of classes.

    Raises:
        ValueError: If it is 255 alone, and in no sequence, with more classes.
    """
    if ignore_class == VOID and num_classes > VOID:
        raise ValueError(
            f"`ignore_class` must be said where {VOID}, the default, is a "
            f"class: `None`, or ({VOID},) to ignore that class. "
            f"Received: ignore_class={VOID} with {num_classes} classes"
        )


def unknown_ids(
    mask: np.ndarray, num_classes: int, ignored: Collection[int] = ()
) -> list[int]:
    """The ids in a mask that are neither a class nor ignored.

    Args:
        mask: Integer array of any shape.
        num_classes: Number of classes, which have the ids from 0 on.
        ignored: Ids that are allowed besides. Defaults to `()`.

    Returns:
        The ids, sorted.
    """
    if mask.size and mask.min() >= 0 and mask.max() < num_classes:
        return []
    known = {*range(num_classes), *ignored}
    return [i for i in present_ids(mask) if i not in known]


def check_ids(
    mask: np.ndarray,
    num_classes: int,
    ignored: Collection[int] = (),
    what: str = "The mask",
) -> None:
    """Refuses a mask that holds ids which mean nothing.

    Args:
        mask: Array of class ids, any shape.
        num_classes: Number of classes, which have the ids from 0 on.
        ignored: Ids that are allowed besides. Defaults to `()`.
        what: What holds the ids, for the message. Defaults to `"The mask"`.

    Raises:
        TypeError: If the mask is not an array of integers.
        ValueError: If the mask holds unknown ids; the message names them.
    """
    mask = integers(mask, what)
    unknown = unknown_ids(mask, num_classes, ignored)
    if unknown:
        raise ValueError(
            f"{what} holds unknown class ids: {listed(unknown)}. Known are 0 "
            f"to {num_classes - 1} and, ignored, {sorted(ignored)}."
        )


def class_ids(mask: Any, what: str = "The mask") -> np.ndarray:
    """A mask as integers, without a change of any id.

    Args:
        mask: Array of class ids of any number type.
        what: What holds the ids, for the message. Defaults to `"The mask"`.

    Returns:
        The mask itself where it holds integers, else one of `int32`.

    Raises:
        ValueError: If a value is no whole number of 32 bits.
    """
    mask = np.asarray(mask)
    if mask.dtype.kind in "iu":
        return mask
    found = f"dtype={mask.dtype}"
    if mask.dtype.kind == "f":
        values = mask.astype("float64")
        if np.all((np.abs(values) < -NO_ID) & (np.trunc(values) == values)):
            return values.astype("int32")
        found = FRACTIONS
    raise ValueError(f"{what} must hold class ids. Received: {found}")


def integers(mask: Any, what: str = "The mask") -> np.ndarray:
    """A mask that must hold integers.

    Args:
        mask: Array of class ids, any shape.
        what: What holds the ids, for the message. Defaults to `"The mask"`.

    Returns:
        The mask as an array.

    Raises:
        TypeError: If its values are no integers.
    """
    mask = np.asarray(mask)
    if mask.dtype.kind not in "iu":
        raise TypeError(
            f"{what} must be an array of integer class ids. "
            f"Received: dtype={mask.dtype}"
        )
    return mask


def match(labels: Any, ids: Collection[int]) -> Any:
    """Where a label is one of some ids.

    Args:
        labels: Integer tensor of any shape.
        ids: Class ids.

    Returns:
        A boolean tensor of the shape of `labels`.
    """
    from keras import ops

    found = ops.zeros_like(labels, dtype="bool")
    for class_id in ids:
        found = ops.logical_or(found, ops.equal(labels, class_id))
    return found


def whole_ids(labels: Any) -> Any:
    """Class ids as `int32`, where a value that is no whole number is no id.

    Args:
        labels: Tensor of any number type.

    Returns:
        An `int32` tensor, `NO_ID` where the value has a fraction or is NaN.
    """
    import keras
    from keras import ops

    labels = ops.convert_to_tensor(labels)
    ids = ops.cast(labels, "int32")
    if "float" not in keras.backend.standardize_dtype(labels.dtype):
        return ids
    whole = ops.equal(ops.cast(ids, labels.dtype), labels)
    return ops.where(whole, ids, NO_ID)


def value_or_none(tensor: Any) -> np.ndarray | None:
    """The value of a tensor, if it has one yet.

    Args:
        tensor: Tensor.

    Returns:
        An array, or `None` while a graph is being traced.
    """
    import keras

    if isinstance(tensor, keras.KerasTensor):
        return None
    try:
        return keras.ops.convert_to_numpy(tensor)
    except (AttributeError, NotImplementedError, TypeError):
        return None  # traced: there is no value yet


def present_ids(mask: np.ndarray) -> list[int]:
    """The ids that occur in a mask.

    Args:
        mask: Integer array of any shape.

    Returns:
        The ids, sorted.
    """
    if mask.dtype == np.uint8:
        # An order of magnitude faster than sorting every pixel.
        return np.flatnonzero(np.bincount(mask.ravel())).tolist()
    return np.unique(mask).tolist()


def is_integer(value: Any) -> bool:
    """Tells whether a value is one integer; `True` and `False` are not.

    Args:
        value: Any value; integers of NumPy count.

    Returns:
        Whether it is.
    """
    boolean = isinstance(value, bool | np.bool_)
    return not boolean and hasattr(value, "__index__") and np.ndim(value) == 0


def listed(items: list, most: int = 10) -> str:
    """Writes out the first of many items.

    Args:
        items: What to list.
        most: How many to write. Defaults to 10.

    Returns:
        Text with commas, and how many more there are.
    """
    text = ", ".join(str(item) for item in items[:most])
    rest = len(items) - most
    return text if rest <= 0 else f"{text} and {rest} more"
