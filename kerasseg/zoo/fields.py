"""The fields of a record: what each must be, and how that is said."""

import re

from kerasseg.channels import MOST_CHANNELS

FORMAT = "kerasseg.model"
FORMAT_VERSION = 2

_MAX_CLASSES = 1 << 16
_MAX_ID = 1 << 31
_HASH = re.compile(r"[0-9a-f]{64}")
_FILE = re.compile(r"model-[0-9a-f]{12}\.(json|safetensors)")
_SCORE = re.compile(r"[a-z0-9_]{1,64}")
_MAX_SCORES = 100


def _is_text(value):
    return (
        isinstance(value, str)
        and 0 < len(value) <= 1000
        and (value.isprintable())
    )


def _is_integer(value, least, most):
    return type(value) is int and least <= value <= most


def _is_list(value, valid, least=0, most=_MAX_CLASSES):
    return (
        isinstance(value, list)
        and least <= len(value) <= most
        and all(map(valid, value))
    )


def _is_size(value):
    return value is None or _is_integer(value, 1, _MAX_ID)


def _is_color(value):
    return _is_list(value, lambda v: _is_integer(v, 0, 255), 3, 3)


def is_model_file(name) -> bool:
    """Whether a name is that of a saved architecture, or of weights.

    Args:
        name: Any value.

    Returns:
        The answer.
    """
    return isinstance(name, str) and _FILE.fullmatch(name) is not None


def _is_file(ending):
    return lambda value: is_model_file(value) and value.endswith(ending)


def _is_hash(value):
    return isinstance(value, str) and _HASH.fullmatch(value) is not None


def _is_scores(value):
    return (
        isinstance(value, dict)
        and len(value) <= _MAX_SCORES
        and all(
            isinstance(name, str)
            and _SCORE.fullmatch(name)
            and type(score) in (int, float)
            and 0 <= score <= 1
            for name, score in value.items()
        )
    )


def _is_id_map(value):
    return isinstance(value, dict) and all(
        old.isdecimal()
        and old == str(int(old[:10]))
        and int(old) <= _MAX_ID
        and _is_integer(new, 0, _MAX_ID)
        for old, new in value.items()
    )


FORMAT_FIELD = (lambda value: value == FORMAT, repr(FORMAT))
VERSION_FIELD = (lambda value: value == FORMAT_VERSION, str(FORMAT_VERSION))
_TEXT = (_is_text, "a printable text of at most 1000 letters")
_SHA256 = (_is_hash, "64 lower-case hexadecimal digits")
FIELDS = {
    "title": _TEXT,
    "keras_version": _TEXT,
    "architecture": (_is_file(".json"), "a file name model-*.json"),
    "architecture_sha256": _SHA256,
    "weights": (_is_file(".safetensors"), "a file name model-*.safetensors"),
    "weights_sha256": _SHA256,
    "image_shape": (
        lambda value: (
            _is_list(value, _is_size, 3, 3)
            and value[2] is not None
            and value[2] <= MOST_CHANNELS
        ),
        f"a list of height, width and 1 to {MOST_CHANNELS} channels",
    ),
    "parameters": (
        lambda value: _is_integer(value, 0, 1 << 53),
        "an integer of 0 or more",
    ),
    "labels": (lambda value: isinstance(value, dict), "a JSON object"),
}
# What a record may say besides, for readers.
FACTS = {
    "license_weights": _TEXT,
    "license_data": _TEXT,
    "dataset": _TEXT,
    "provenance": _TEXT,
    "paper": _TEXT,
    "scores": (
        _is_scores,
        "fractions from 0 to 1 by names of lower-case letters, digits and _",
    ),
}
LABELS = {
    "class_names": (
        lambda value: _is_list(value, _is_text, 2),
        "a list of two or more printable names",
    ),
    "palette": (
        lambda value: _is_list(value, _is_color, 2),
        "a list of colors, each three integers from 0 to 255",
    ),
    "ignore_classes": (
        lambda value: _is_list(value, lambda v: _is_integer(v, 0, _MAX_ID)),
        "a list of integers of 0 or more",
    ),
    "id_map": (_is_id_map, "a JSON object from ids in files to ids"),
}
