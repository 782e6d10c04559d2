"""Labels read from values of JSON, as in records and sidecars.

Nothing here imports Keras at load.
"""

import re
from collections.abc import Mapping
from typing import Any

from kerasseg.ids import is_integer

__all__ = ["labels_arguments"]


def labels_arguments(values: Any) -> dict[str, Any]:
    """The arguments of `Labels` in a record, each checked for its kind.

    Args:
        values: What `Labels.to_json` returned, or something damaged.

    Returns:
        Arguments for `Labels`.

    Raises:
        ValueError: If a key is missing or unknown, or a value is not of the
            kind that `Labels.to_json` writes.
    """
    if not isinstance(values, Mapping):
        raise ValueError(
            f"`values` must be a dictionary. Received: {_shown(values)}"
        )
    if "class_names" not in values or set(values) - set(_JSON):
        raise ValueError(
            "`values` must have the key class_names and may have palette, "
            f"ignore_classes and id_map. Received: keys={sorted(values)}"
        )
    for key, valid in _JSON.items():
        if key in values and not valid(values[key]):
            raise ValueError(
                f"`{key}` must be as `to_json` writes it. Received: "
                f"{key}={_shown(values[key])}"
            )
    given = {k: tuple(v) for k, v in values.items() if k != "id_map"}
    id_map = {int(k): v for k, v in values.get("id_map", {}).items()}
    return {**given, "id_map": id_map}


def _shown(value):
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."


def _is_list_of(valid):
    return lambda value: isinstance(value, list | tuple) and all(
        map(valid, value)
    )


def _is_id_map(value):
    return isinstance(value, Mapping) and all(
        isinstance(old, str) and _ID.fullmatch(old) and _is_id(new)
        for old, new in value.items()
    )


def _is_id(value):
    return is_integer(value) and abs(value) < 1 << 31


# What a value of JSON must be like before it becomes a value of `Labels`.
_ID = re.compile(r"0|[1-9][0-9]{0,9}")
_JSON = {
    "class_names": _is_list_of(lambda value: isinstance(value, str)),
    "palette": _is_list_of(_is_list_of(_is_id)),
    "ignore_classes": _is_list_of(_is_id),
    "id_map": _is_id_map,
}
