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
from kerasseg.export.kinds import MAX_CLASSES
from kerasseg.export.kinds import is_color
from kerasseg.export.kinds import is_list
from kerasseg.export.kinds import is_scale
from kerasseg.export.kinds import is_signatures
from kerasseg.export.kinds import is_text
from kerasseg.export.kinds import is_versions
from kerasseg.export.kinds import is_whole
from kerasseg.export.kinds import matches
from kerasseg.export.kinds import number
from kerasseg.export.kinds import one_of
from kerasseg.export.kinds import or_null
from kerasseg.export.kinds import sizes
from kerasseg.formats import FORMATS

SCHEMA = 2
# Schema 1 is the same without the seal; files of it are kept in tests/golden.
SCHEMAS = (1, SCHEMA)
SEAL = "seal"

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
    found = [
        tuple(end["shape"][end["layout"].index(axis)] for axis in "HW")
        for end in (source, target)
        if len(end["layout"]) == len(end["shape"])
    ]
    if len(found) != 2 or found[0] != found[1]:
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


_TEXT = (is_text, "a printable text")
_SHARE = number(0, 1, "a number from 0 to 1")
_POSITIVE = number(0, math.inf, "a number of 0 or more")
_SCALE = or_null(is_scale, "a scale above 0 and a whole zero_point")
_FIELDS = {
    "schema": one_of(*SCHEMAS),
    "file": (
        lambda value: (
            isinstance(value, str)
            and _NAME.fullmatch(value) is not None
            and value not in (".", "..")
        ),
        "the name of a file without its folder",
    ),
    "format": one_of(*FORMATS),
    "precision": one_of(*_PRECISIONS),
    "sha256": matches(_SHA256, "64 lower-case hexadecimal digits"),
    "bytes": (lambda value: is_whole(value, 0), "a number of bytes"),
    "input": {
        "name": one_of("images"),
        "shape": sizes(4, 4),
        "layout": one_of("NHWC", "NCHW"),
        "dtype": one_of(*_DTYPES),
        "quantization": _SCALE,
        "range": (
            lambda value: (
                is_list(value, lambda v: type(v) is int) and value == [0, 255]
            ),
            "[0, 255]",
        ),
        "channels": (
            lambda value: (
                value == "RGB" or is_list(value, is_text, 1, MOST_CHANNELS)
            ),
            f"'RGB' or a list of 1 to {MOST_CHANNELS} printable names",
        ),
    },
    "output": {
        "name": one_of("logits", "mask"),
        "shape": sizes(3, 4),
        "layout": one_of("NHW", "NHWC", "NCHW"),
        "dtype": one_of(*_DTYPES),
        "quantization": _SCALE,
        "meaning": _TEXT,
        "stride": (lambda value: is_whole(value, 1, 1 << 10), "a stride"),
    },
    "num_classes": (
        lambda value: is_whole(value, 2, MAX_CLASSES),
        "a number of classes, two or more",
    ),
    "class_names": or_null(
        lambda value: is_list(value, is_text, 1), "a list of printable names"
    ),
    "palette": or_null(
        lambda value: is_list(value, is_color, 1),
        "a list of colors, each three integers from 0 to 255,",
    ),
    "ignore_classes": or_null(
        lambda value: is_list(value, lambda v: is_whole(v, 0, 1 << 31)),
        "a list of integers of 0 or more",
    ),
    "proof": {
        "images": (lambda value: is_whole(value, 1), "a number of images"),
        "verified_on": _TEXT,
        "max_error": or_null(*_POSITIVE),
        "mean_error": or_null(*_POSITIVE),
        "logit_range": or_null(*_POSITIVE),
        "mask_agreement": _SHARE,
        "miou_before": or_null(*_SHARE),
        "miou_after": or_null(*_SHARE),
        "gate": _TEXT,
    },
    "versions": (is_versions, "names and versions of packages"),
    "signatures": (is_signatures, "names and inputs of signatures"),
    SEAL: matches(_SHA256, "64 lower-case hexadecimal digits"),
}
_OPTIONAL = {"stride", "signatures", SEAL}
