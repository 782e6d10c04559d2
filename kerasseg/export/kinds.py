"""What the fields of a sidecar may hold: kinds of values, and rules.

A rule is a function that tells whether a value is valid, and a text that says
what it must be.
"""

import math

LONGEST = 4096
MAX_SIDE = 1 << 15
MAX_CLASSES = 1 << 16
MAX_INTEGER = 1 << 53


def is_text(value) -> bool:
    """Whether a value is a text that a sidecar can hold.

    Args:
        value: Anything.

    Returns:
        The answer.
    """
    return (
        isinstance(value, str)
        and 0 < len(value) <= LONGEST
        and value.isprintable()
    )


def is_whole(value, least, most=MAX_INTEGER):
    """Whether a value is an integer between two others."""
    return type(value) is int and least <= value <= most


def is_number(value, least=-math.inf, most=math.inf):
    """Whether a value is a finite number between two others."""
    if type(value) is int:
        return abs(value) <= MAX_INTEGER and least <= value <= most
    return (
        type(value) is float and math.isfinite(value) and least <= value <= most
    )


def is_list(value, valid, least=0, most=MAX_CLASSES):
    """Whether a value is a list of so many valid items."""
    return (
        isinstance(value, list)
        and least <= len(value) <= most
        and all(map(valid, value))
    )


def is_color(value):
    """Whether a value is three integers from 0 to 255."""
    return is_list(value, lambda v: is_whole(v, 0, 255), 3, 3)


def is_versions(value):
    """Whether a value names packages and their versions."""
    return isinstance(value, dict) and all(
        map(is_text, [*value, *value.values()])
    )


def is_signatures(value):
    """Whether a value names signatures and their inputs."""
    return isinstance(value, dict) and all(
        is_text(name) and is_object(entry, "input") and is_tensor(entry)
        for name, entry in value.items()
    )


def is_tensor(entry):
    """Whether a signature describes its input."""
    spec = entry["input"]
    return (
        is_object(spec, "name", "shape", "dtype", "meaning")
        and all(is_text(spec[key]) for key in ("name", "dtype", "meaning"))
        and is_list(spec["shape"], lambda v: is_whole(v, 1, MAX_SIDE), 0, 4)
    )


def is_object(value, *keys):
    """Whether a value is a dictionary with just these keys."""
    return isinstance(value, dict) and set(value) == set(keys)


def is_scale(value):
    """Whether a value says how integers are scaled."""
    return (
        is_object(value, "scale", "zero_point")
        and is_number(value["scale"])
        and value["scale"] > 0
        and is_whole(value["zero_point"], -(1 << 31), 1 << 31)
    )


def matches(pattern, text):
    """The rule of a text that a pattern matches."""
    return (
        lambda value: (
            isinstance(value, str) and pattern.fullmatch(value) is not None
        ),
        text,
    )


def one_of(*choices):
    """The rule of a value that is one of a few."""
    kinds = {type(choice) for choice in choices}
    return (
        lambda value: type(value) in kinds and value in choices,
        f"one of {', '.join(map(repr, choices))}",
    )


def or_null(valid, text):
    """The rule of a value that may be missing."""
    return lambda value: value is None or valid(value), f"{text} or null"


def number(least=-math.inf, most=math.inf, text="a number"):
    """The rule of a number between two others."""
    return lambda value: is_number(value, least, most), text


def sizes(least, most):
    """The rule of a list of sizes."""
    return (
        lambda value: is_list(
            value, lambda v: is_whole(v, 1, MAX_SIDE), least, most
        ),
        f"a list of {least} to {most} sizes" if least < most else "four sizes",
    )
