"""The record of a saved folder: one schema, checked before anything is built.

A record comes from anywhere. It names two files of its folder and describes
the model for people; it never says what is called.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerasseg.channels import MOST_CHANNELS
from kerasseg.labels import Labels
from kerasseg.zoo.entry import Entry
from kerasseg.zoo.errors import WeightsError
from kerasseg.zoo.errors import shown
from kerasseg.zoo.fetch import check_sha256

FORMAT = "kerasseg.model"
FORMAT_VERSION = 2
RECORD = "entry.json"

_MAX_BYTES = 1 << 20
_MAX_CLASSES = 1 << 16
_MAX_ID = 1 << 31
_ADVICE = "Save or copy the model again."
_HASH = re.compile(r"[0-9a-f]{64}")
_FILE = re.compile(r"model-[0-9a-f]{12}\.(json|safetensors)")


@dataclass(frozen=True)
class Record:
    """What `entry.json` says, all of it checked.

    Args:
        title: One line for readers.
        keras_version: Version of Keras that wrote the folder.
        architecture: File name of the architecture.
        architecture_sha256: Its hash.
        weights: File name of the weights.
        weights_sha256: Their hash.
        image_shape: `(height, width, channels)` of the images.
        parameters: Number of trainable parameters.
        labels: Classes, colors and ignored ids.
    """

    title: str
    keras_version: str
    architecture: str
    architecture_sha256: str
    weights: str
    weights_sha256: str
    image_shape: tuple[int | None, int | None, int]
    parameters: int
    labels: Labels

    def to_json(self) -> dict[str, Any]:
        """The record as `json` writes it."""
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            **{name: getattr(self, name) for name in _FIELDS},
            "image_shape": list(self.image_shape),
            "labels": self.labels.to_json(),
        }

    def entry(self, folder: Path) -> Entry:
        """The record as an entry, named after its folder."""
        return Entry(
            name=folder.resolve().name,
            title=self.title,
            builder="saved",
            labels=self.labels,
            image_shape=self.image_shape,
            weights=self.weights,
            sha256=self.weights_sha256,
            parameters=self.parameters,
        )


def is_saved(folder: str | Path) -> bool:
    """Returns whether a path is a folder that `kerasseg.zoo.save` wrote.

    Args:
        folder: Path of the folder.

    Returns:
        `True` if the folder has an `entry.json`.
    """
    return (Path(folder) / RECORD).is_file()


def read_record(folder: str | Path) -> Record:
    """Reads the record of a saved folder.

    Args:
        folder: Path of the folder.

    Returns:
        The `Record`.

    Raises:
        WeightsError: If the record is damaged. The message names the field.
    """
    path = Path(folder) / RECORD
    return checked_record(read_json(path, _MAX_BYTES), path)


def with_record(folder: str | Path, use: Callable[[Record], Any]) -> Any:
    """Calls a function that reads the files of a saved folder.

    A save that happens meanwhile may delete these files. They are then read
    again by the new record.

    Args:
        folder: Path of the folder.
        use: Called with the `Record`.

    Returns:
        What `use` returned.

    Raises:
        WeightsError: If the record is damaged, or its files are missing.
    """
    record = read_record(folder)
    while True:
        try:
            return use(record)
        except FileNotFoundError as error:
            before, record = record, read_record(folder)
            if record == before:
                raise WeightsError(
                    f"{folder} is incomplete: {error}. {_ADVICE}"
                ) from error


def check_file(path: Path, expected: str) -> None:
    """Checks that a file of a saved folder is the one that was saved.

    Args:
        path: Path of the file.
        expected: The SHA-256 hash of the record.

    Raises:
        FileNotFoundError: If it is missing.
        WeightsError: If the hash differs.
    """
    check_sha256(path, expected, _ADVICE)


def read_json(path: Path, most: int) -> Any:
    """Reads a JSON file of bounded size and depth.

    Args:
        path: Path of the file.
        most: The largest number of bytes.

    Returns:
        The content.

    Raises:
        FileNotFoundError: If there is no such file.
        WeightsError: If the file is larger, or no JSON.
    """
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
        if len(content) > most:
            raise ValueError(f"it has more than {most} bytes")
        return json.loads(content, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{path} is damaged: {error}. {_ADVICE}") from error


def checked_record(values: Any, path: Path) -> Record:
    """Checks the content of `entry.json`.

    Args:
        values: The content.
        path: Path of the file, for the message.

    Returns:
        The `Record`.

    Raises:
        WeightsError: If a field is missing, unknown, or not as it must be.
            The message names it.
    """
    values = _checked(
        values, {"format": _FORMAT, "format_version": _VERSION, **_FIELDS}, path
    )
    values["labels"] = checked_labels(values["labels"], path)
    values["image_shape"] = tuple(values["image_shape"])
    del values["format"], values["format_version"]
    return Record(**values)


def checked_labels(values: Any, path: Path) -> Labels:
    """Checks the labels in `entry.json`.

    Args:
        values: The content of the field.
        path: Path of the file, for the message.

    Returns:
        The `Labels`.

    Raises:
        WeightsError: If a field is missing, unknown, or not as it must be.
            The message names it.
    """
    if isinstance(values, dict):
        values = {"id_map": {}, **values}
    values = _checked(values, _LABELS, path, "labels.")
    try:
        return Labels.from_json(values)
    except ValueError as error:
        raise WeightsError(f"`labels` of {path}: {error} {_ADVICE}") from error


def _checked(values, fields, path, prefix=""):
    if not isinstance(values, dict):
        raise WeightsError(
            f"`{prefix[:-1] or 'the record'}` of {path} must be a JSON object. "
            f"Received: {shown(values)}. {_ADVICE}"
        )
    for name, (valid, expected) in fields.items():
        if name not in values or not valid(values[name]):
            received = values.get(name, "nothing")
            raise WeightsError(
                f"`{prefix}{name}` of {path} must be {expected}. "
                f"Received: {shown(received)}. {_ADVICE}"
            )
    unknown = sorted(set(values) - set(fields))
    if unknown:
        raise WeightsError(
            f"`{prefix}{shown(unknown[0])}` of {path} is no field of a saved "
            f"model. {_ADVICE}"
        )
    return dict(values)


def _no_constant(name):
    raise ValueError(f"{name} is no number of JSON")


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


def _is_file(ending):
    return lambda value: (
        isinstance(value, str)
        and _FILE.fullmatch(value) is not None
        and value.endswith(ending)
    )


def _is_hash(value):
    return isinstance(value, str) and _HASH.fullmatch(value) is not None


def _is_id_map(value):
    return isinstance(value, dict) and all(
        old.isdecimal()
        and old == str(int(old[:10]))
        and int(old) <= _MAX_ID
        and _is_integer(new, 0, _MAX_ID)
        for old, new in value.items()
    )


_FORMAT = (lambda value: value == FORMAT, repr(FORMAT))
_VERSION = (lambda value: value == FORMAT_VERSION, str(FORMAT_VERSION))
_TEXT = (_is_text, "a printable text of at most 1000 letters")
_SHA256 = (_is_hash, "64 lower-case hexadecimal digits")
_FIELDS = {
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
_LABELS = {
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
