"""The record of a saved folder: one schema, checked before anything is built.

A record comes from anywhere. It names two files of its folder and describes
the model for people; it never says what is called.
"""

from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

from kerasseg.files import strict_json
from kerasseg.labels import Labels
from kerasseg.zoo.entry import Entry
from kerasseg.zoo.errors import WeightsError
from kerasseg.zoo.errors import shown
from kerasseg.zoo.fetch import check_sha256
from kerasseg.zoo.fields import FACTS
from kerasseg.zoo.fields import FIELDS
from kerasseg.zoo.fields import FORMAT
from kerasseg.zoo.fields import FORMAT_FIELD
from kerasseg.zoo.fields import FORMAT_VERSION
from kerasseg.zoo.fields import LABELS
from kerasseg.zoo.fields import VERSION_FIELD

RECORD = "entry.json"

_MAX_BYTES = 1 << 20
_ADVICE = "Save or copy the model again."


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
        license_weights: Terms of use of the weights. Defaults to `""`.
        license_data: Terms of use of the training data. Defaults to `""`.
        dataset: What the model was trained and scored on. Defaults to `""`.
        provenance: How the weights came to be. Defaults to `""`.
        paper: Publication that describes the method. Defaults to `""`.
        scores: Measured scores by name, as fractions. Defaults to `{}`.
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
    license_weights: str = ""
    license_data: str = ""
    dataset: str = ""
    provenance: str = ""
    paper: str = ""
    scores: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The record as `json` writes it."""
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            **{name: getattr(self, name) for name in FIELDS},
            # Only where something is known: older versions know no facts.
            **{name: fact for name, fact in self.facts().items() if fact},
            "image_shape": list(self.image_shape),
            "labels": self.labels.to_json(),
        }

    def facts(self) -> dict[str, Any]:
        """What the record says for readers, by name."""
        return {name: getattr(self, name) for name in FACTS}

    def entry(self, name: str, origin: str = "") -> Entry:
        """The record as an entry of a name, and of where it came from."""
        return Entry(
            name=name,
            title=self.title,
            builder="saved",
            labels=self.labels,
            image_shape=self.image_shape,
            weights=self.weights,
            sha256=self.weights_sha256,
            parameters=self.parameters,
            origin=origin,
            **self.facts(),
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
        return strict_json(content)
    except ValueError as error:
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
    expected = {"format": FORMAT_FIELD, "format_version": VERSION_FIELD}
    values = _checked(values, {**expected, **FIELDS}, path, optional=FACTS)
    values["labels"] = checked_labels(values["labels"], path)
    values["image_shape"] = tuple(values["image_shape"])
    del values["format"], values["format_version"]
    return Record(**values)


def checked_facts(facts: Mapping[str, Any] | None) -> dict[str, Any]:
    """Checks what a record is to say for readers.

    Args:
        facts: Texts and scores by name, or `None`.

    Returns:
        The facts.

    Raises:
        ValueError: If one is unknown, or not as it must be.
    """
    facts = {} if facts is None else facts
    if not isinstance(facts, Mapping):
        raise ValueError(
            "`facts` must be a dictionary of texts and scores by name. "
            f"Received: {shown(facts)}"
        )
    known = {"title": FIELDS["title"], **FACTS}
    for name, fact in facts.items():
        valid, expected = known.get(name, (None, None))
        if valid is None:
            raise ValueError(
                f"`facts` must be some of {', '.join(known)}. Received: "
                f"{name!r}"
            )
        if not valid(fact):
            raise ValueError(
                f"`facts[{name!r}]` must be {expected}. Received: {shown(fact)}"
            )
    return dict(facts)


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
    values = _checked(values, LABELS, path, "labels.")
    try:
        return Labels.from_json(values)
    except ValueError as error:
        raise WeightsError(f"`labels` of {path}: {error} {_ADVICE}") from error


def _checked(values, fields, path, prefix="", optional=None):
    if not isinstance(values, dict):
        raise WeightsError(
            f"`{prefix[:-1] or 'the record'}` of {path} must be a JSON object. "
            f"Received: {shown(values)}. {_ADVICE}"
        )
    optional = {k: v for k, v in (optional or {}).items() if k in values}
    fields = {**fields, **optional}
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
