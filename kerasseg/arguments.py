"""Checks of arguments that many functions and layers share."""

import math
import numbers
import operator
from collections.abc import Sequence
from typing import Any

__all__ = [
    "check_channels",
    "check_choice",
    "check_integer",
    "check_integers",
    "check_number",
    "check_range",
]

_PARITIES = {"even": 0, "odd": 1}


def check_integer(
    name: str,
    value: Any,
    least: int = 1,
    parity: str | None = None,
    remark: str = "",
) -> int:
    """An argument that must be an integer.

    Integers of NumPy count as integers, `True` and `False` do not.

    Args:
        name: Name of the argument, for the message.
        value: Its value.
        least: The smallest value that is allowed. Defaults to 1.
        parity: `"even"`, `"odd"` or `None` for either. Defaults to `None`.
        remark: What else the message says of the value. Defaults to `""`.

    Returns:
        The value as a Python integer.

    Raises:
        ValueError: If it is anything else.

    Example:

    >>> check_integer("filters", np.int64(32))
    32
    """
    number = as_integer(value)
    wrong = number is None or number < least
    if wrong or (parity and number % 2 != _PARITIES[parity]):
        kind = f"an {parity} integer" if parity else "an integer"
        raise ValueError(
            f"`{name}` must be {kind} of {least} or more{remark}. "
            f"Received: {name}={value!r}"
        )
    return number


def check_integers(
    name: str, value: Any, least: int = 1, length: int | None = None
) -> tuple[int, ...]:
    """An argument that must be a list or tuple of integers.

    Args:
        name: Name of the argument, for the message.
        value: Its value.
        least: The smallest value that is allowed. Defaults to 1.
        length: How many there must be. Defaults to `None`: one or more.

    Returns:
        The values as a tuple of Python integers.

    Raises:
        ValueError: If it is anything else.
    """
    given = value if isinstance(value, list | tuple) else ()
    found = tuple(as_integer(item) for item in given)
    valid = len(found) == length if length else bool(found)
    if not valid or any(n is None or n < least for n in found):
        many = f"{length} " if length else ""
        raise ValueError(
            f"`{name}` must be a list or tuple of {many}integers of {least} "
            f"or more. Received: {name}={value!r}"
        )
    return found


def check_number(
    name: str, value: Any, least: float = 0, most: float = math.inf
) -> None:
    """Refuses an argument that is not a finite number of some size.

    Numbers of NumPy count as numbers, `True` and `False` do not.

    Args:
        name: Name of the argument, for the message.
        value: Its value.
        least: The smallest value that is allowed. Defaults to 0.
        most: The largest one. Defaults to infinity: any finite one.

    Raises:
        ValueError: If it is anything else.
    """
    if _is_number(value) and math.isfinite(value) and least <= value <= most:
        return
    wanted = f"a number from {least:g} to {most:g}"
    if most == math.inf:
        wanted = f"a finite number of {least:g} or more"
    raise ValueError(f"`{name}` must be {wanted}. Received: {name}={value!r}")


def check_range(name: str, value: Any, most: float = math.inf) -> None:
    """Refuses an argument that is not two positive numbers in their order.

    Args:
        name: Name of the argument, for the message.
        value: Its value.
        most: The largest number that is allowed. Defaults to infinity: any
            finite one.

    Raises:
        ValueError: If it is anything else.
    """
    pair = isinstance(value, list | tuple) and len(value) == 2
    valid = pair and all(map(_is_number, value))
    if valid and 0 < value[0] <= value[1] <= most and value[1] < math.inf:
        return
    limit = "" if most == math.inf else f" up to {most:g}"
    raise ValueError(
        f"`{name}` must be two positive numbers{limit}, the smaller first. "
        f"Received: {name}={value!r}"
    )


def check_choice(name: str, value: Any, choices: Sequence[str]) -> None:
    """Refuses an argument that is not one of a few strings.

    Args:
        name: Name of the argument, for the message.
        value: Its value.
        choices: The strings that are allowed.

    Raises:
        ValueError: If it is anything else.
    """
    if not isinstance(value, str) or value not in choices:
        raise ValueError(
            f"`{name}` must be one of {', '.join(choices)}. "
            f"Received: {name}={value!r}"
        )


def check_channels(name: str, shape: Sequence[int | None]) -> None:
    """Refuses logits of a single channel, as of a model that ends in sigmoid.

    The largest of one number is always the first: such a model would find the
    background everywhere.

    Args:
        name: Name of the argument, for the message.
        shape: Shape of the logits, channels last.

    Raises:
        ValueError: If the last axis is 1.
    """
    if shape[-1] == 1:
        raise ValueError(
            f"`{name}` must have a channel for each class, two for a single "
            "foreground: background and it. A model with one (sigmoid) "
            f"channel is not supported. Received: logits of shape {shape}"
        )


def _is_number(value):
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def as_integer(value: Any) -> int | None:
    """A value as a Python integer.

    Args:
        value: Anything.

    Returns:
        The integer, of NumPy too; `None` for `True`, `False` and all else.
    """
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None
