"""The one schema of sidecars: which fields there are, and what they hold.

A sidecar comes from anywhere. A field that is missing, of another kind or not
named here is an error; a new field is a new number in `schema`.
"""

import hashlib
import math
import re
import struct

from kerasseg.channels import MOST_CHANNELS
from kerasseg.channels import RGB
from kerasseg.formats import FORMATS

SCHEMA = 2
# Schema 1 is that of kerasseg 0.1.0, which is the same without the seal.
SCHEMAS = (1, SCHEMA)
SEAL = "seal"

_LONGEST = 4096
_MAX_SIDE = 1 << 15
_MAX_CLASSES = 1 << 16
_MAX_INTEGER = 1 << 53
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[^/\\\x00-\x1f\x7f]{1,255}")
_DTYPES = ("float32", "float16", "uint8", "int8", "int32", "int64")
_PRECISIONS = ("float32", "float16", "int8", "mixed")


def check(content) -> None:
    """Refuses what is no sidecar.

    Args:
        content: The content of the JSON file.

    Raises:
        ValueError: If a field is missing, unknown or not as it must be; the
            message begins with its name.
    """
    _check(content, _FIELDS)
    _check_channels(content["input"])
    _check_size(content["input"], content["output"])
    if (SEAL in content) != (content["schema"] != 1):
        raise ValueError(
            f"{SEAL} must be there in schema {SCHEMA}, and not in schema 1"
        )


def _check_channels(spec):
    """Compares the channels that an input names with those that it has."""
    count = dict(zip(spec["layout"], spec["shape"], strict=True))["C"]
    named = RGB if spec["channels"] == "RGB" else len(spec["channels"])
    if named != count:
        raise ValueError(
            f"input.channels must name the {count} channels of input.shape, "
            f"and is {_shown(spec['channels'])}"
        )


def _check_size(source, target):
    """Refuses results of another size, which readers take for that of pixels.

    Coarse ids are repeated within the file: they have the size too.
    """
    sizes = [
        tuple(dict(zip(e["layout"], e["shape"], strict=False)).get(axis)
              for axis in "HW")
        for e in (source, target)
    ]  # fmt: skip
    if len(target["layout"]) != len(target["shape"]) or sizes[0] != sizes[1]:
        raise ValueError(
            f"output.shape must have the height and width of input.shape, "
            f"and is {_shown(target['shape'])} {target['layout']}"
        )


def check_seal(content: dict) -> None:
    """Refuses a sidecar whose fields are not those that were written.

    Args:
        content: What `check` has accepted.

    Raises:
        ValueError: If the seal is another one.
    """
    if SEAL in content and seal_of(content) != content[SEAL]:
        raise ValueError(
            f"{SEAL} must be that of the other fields, of which one or more "
            "were edited"
        )


def seal_of(content: dict) -> str:
    """The seal of a sidecar, which binds its fields to each other.

    It is a hash over all other fields, the hash of the file among them, in a
    form that does not depend on spaces, the order of keys, or the way in
    which a number is written; `export/README.md` describes it.

    Args:
        content: The sidecar, with or without its seal.

    Returns:
        64 lower-case hexadecimal digits.
    """
    rest = {key: value for key, value in content.items() if key != SEAL}
    return hashlib.sha256(b"".join(_canonical(rest))).hexdigest()


def _canonical(value):
    if value is None or isinstance(value, bool):
        yield {None: b"n", True: b"t", False: b"f"}[value]
    elif isinstance(value, int | float):
        yield b"d" + struct.pack(">d", value)
    elif isinstance(value, str):
        text = value.encode("utf-8", "surrogatepass")
        yield b"s%d:" % len(text) + text
    elif isinstance(value, dict):
        yield b"o%d:" % len(value)
        for key in sorted(value):
            yield from _canonical(key)
            yield from _canonical(value[key])
    else:
        yield b"l%d:" % len(value)
        for item in value:
            yield from _canonical(item)


def _check(values, fields, name=""):
    if not isinstance(values, dict):
        raise ValueError(
            f"{name or 'the sidecar'} must be a JSON object, and is "
            f"{_shown(values)}"
        )
    prefix = f"{name}." if name else ""
    for key, rule in fields.items():
        if key not in values:
            if key not in _OPTIONAL:
                raise ValueError(f"{prefix}{key} is missing")
        elif isinstance(rule, dict):
            _check(values[key], rule, f"{prefix}{key}")
        elif not rule[0](values[key]):
            raise ValueError(
                f"{prefix}{key} must be {rule[1]}, and is {_shown(values[key])}"
            )
    unknown = sorted(set(values) - set(fields))
    if unknown:
        raise ValueError(
            f"{prefix}{_shown(unknown[0])} is no field of a sidecar"
        )


def _shown(value):
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


def is_text(value) -> bool:
    """Whether a value is a text that a sidecar can hold.

    Args:
        value: Anything.

    Returns:
        The answer.
    """
    return (
        isinstance(value, str)
        and 0 < len(value) <= _LONGEST
        and value.isprintable()
    )


def _is_whole(value, least, most=_MAX_INTEGER):
    return type(value) is int and least <= value <= most


def _is_number(value, least=-math.inf, most=math.inf):
    if type(value) is int:
        return abs(value) <= _MAX_INTEGER and least <= value <= most
    return (
        type(value) is float and math.isfinite(value) and least <= value <= most
    )


def _is_list(value, valid, least=0, most=_MAX_CLASSES):
    return (
        isinstance(value, list)
        and least <= len(value) <= most
        and all(map(valid, value))
    )


def _is_color(value):
    return _is_list(value, lambda v: _is_whole(v, 0, 255), 3, 3)


def _is_versions(value):
    return isinstance(value, dict) and all(
        map(is_text, [*value, *value.values()])
    )


def _is_signatures(value):
    return isinstance(value, dict) and all(
        is_text(name) and _is_object(entry, "input") and _is_tensor(entry)
        for name, entry in value.items()
    )


def _is_tensor(entry):
    spec = entry["input"]
    return (
        _is_object(spec, "name", "shape", "dtype", "meaning")
        and all(is_text(spec[key]) for key in ("name", "dtype", "meaning"))
        and _is_list(spec["shape"], lambda v: _is_whole(v, 1, _MAX_SIDE), 0, 4)
    )


def _is_object(value, *keys):
    return isinstance(value, dict) and set(value) == set(keys)


def _is_scale(value):
    return (
        _is_object(value, "scale", "zero_point")
        and _is_number(value["scale"])
        and value["scale"] > 0
        and _is_whole(value["zero_point"], -(1 << 31), 1 << 31)
    )


def _matches(pattern, text):
    return (
        lambda value: (
            isinstance(value, str) and pattern.fullmatch(value) is not None
        ),
        text,
    )


def _one_of(*choices):
    kinds = {type(choice) for choice in choices}
    return (
        lambda value: type(value) in kinds and value in choices,
        f"one of {', '.join(map(repr, choices))}",
    )


def _or_null(valid, text):
    return lambda value: value is None or valid(value), f"{text} or null"


def _number(least=-math.inf, most=math.inf, text="a number"):
    return lambda value: _is_number(value, least, most), text


def _sizes(least, most):
    return (
        lambda value: _is_list(
            value, lambda v: _is_whole(v, 1, _MAX_SIDE), least, most
        ),
        f"a list of {least} to {most} sizes" if least < most else "four sizes",
    )


_TEXT = (is_text, "a printable text")
_SHARE = _number(0, 1, "a number from 0 to 1")
_POSITIVE = _number(0, math.inf, "a number of 0 or more")
_SCALE = _or_null(_is_scale, "a scale above 0 and a whole zero_point")
_FIELDS = {
    "schema": _one_of(*SCHEMAS),
    "file": (
        lambda value: (
            isinstance(value, str)
            and _NAME.fullmatch(value) is not None
            and value not in (".", "..")
        ),
        "the name of a file without its folder",
    ),
    "format": _one_of(*FORMATS),
    "precision": _one_of(*_PRECISIONS),
    "sha256": _matches(_SHA256, "64 lower-case hexadecimal digits"),
    "bytes": (lambda value: _is_whole(value, 0), "a number of bytes"),
    "input": {
        "name": _one_of("images"),
        "shape": _sizes(4, 4),
        "layout": _one_of("NHWC", "NCHW"),
        "dtype": _one_of(*_DTYPES),
        "quantization": _SCALE,
        "range": (
            lambda value: (
                _is_list(value, lambda v: type(v) is int) and value == [0, 255]
            ),
            "[0, 255]",
        ),
        "channels": (
            lambda value: (
                value == "RGB" or _is_list(value, is_text, 1, MOST_CHANNELS)
            ),
            f"'RGB' or a list of 1 to {MOST_CHANNELS} printable names",
        ),
    },
    "output": {
        "name": _one_of("logits", "mask"),
        "shape": _sizes(3, 4),
        "layout": _one_of("NHW", "NHWC", "NCHW"),
        "dtype": _one_of(*_DTYPES),
        "quantization": _SCALE,
        "meaning": _TEXT,
        "stride": (lambda value: _is_whole(value, 1, 1 << 10), "a stride"),
    },
    "num_classes": (
        lambda value: _is_whole(value, 2, _MAX_CLASSES),
        "a number of classes, two or more",
    ),
    "class_names": _or_null(
        lambda value: _is_list(value, is_text, 1), "a list of printable names"
    ),
    "palette": _or_null(
        lambda value: _is_list(value, _is_color, 1),
        "a list of colors, each three integers from 0 to 255,",
    ),
    "ignore_classes": _or_null(
        lambda value: _is_list(value, lambda v: _is_whole(v, 0, 1 << 31)),
        "a list of integers of 0 or more",
    ),
    "proof": {
        "images": (lambda value: _is_whole(value, 1), "a number of images"),
        "verified_on": _TEXT,
        "max_error": _or_null(*_POSITIVE),
        "mean_error": _or_null(*_POSITIVE),
        "logit_range": _or_null(*_POSITIVE),
        "mask_agreement": _SHARE,
        "miou_before": _or_null(*_SHARE),
        "miou_after": _or_null(*_SHARE),
        "gate": _TEXT,
    },
    "versions": (_is_versions, "names and versions of packages"),
    "signatures": (_is_signatures, "names and inputs of signatures"),
    SEAL: _matches(_SHA256, "64 lower-case hexadecimal digits"),
}
_OPTIONAL = {"stride", "signatures", SEAL}
