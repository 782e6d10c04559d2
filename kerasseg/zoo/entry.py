"""The record of one model of the zoo."""

import dataclasses
from typing import Any

from kerasseg.labels import Labels


@dataclasses.dataclass(frozen=True)
class Entry:
    """What the zoo knows about one model.

    An entry is data: the builder and its arguments give the architecture, the
    weights file and its hash give the numbers, and the rest says where both
    come from and what they are worth.

    Args:
        name: Name under which the entry is loaded.
        title: One line for readers.
        builder: Name of a function of `kerasseg.models`, or `"saved"` for a
            folder written by `kerasseg.zoo.save`.
        labels: Classes, colors and ignored ids.
        arguments: Arguments of the builder, apart from `num_classes`,
            `backbone`, `image_shape` and `name`. Defaults to `{}`.
        backbone: Name of a function of `kerasseg.backbones`, or `None`.
            Defaults to `None`.
        backbone_arguments: Arguments of that function, apart from `weights`.
            Defaults to `{}`.
        image_shape: `(height, width, channels)` of the images that the model
            was trained and scored for. Other sizes work. Defaults to
            `(None, None, 3)`.
        weights: Name of a packaged weights file, a URL (`https:`, `http:` or
            `file:`), or `None`. Defaults to `None`.
        sha256: Hash of the weights file in hexadecimal digits. Without it the
            entry counts as not trained. Defaults to `None`.
        subset: Whether the weights file belongs to a larger entry, of which
            this model reads the variables that it has. Defaults to `False`.
        parameters: Number of trainable parameters, or `None` if not counted.
            Defaults to `None`.
        license_weights: Terms of use of the weights. Defaults to `""`.
        license_data: Terms of use of the training data, in short up to a
            semicolon. Defaults to `""`.
        dataset: Name of the dataset for `kerasseg.data`. Defaults to `""`.
        provenance: How the weights came to be. Defaults to `""`.
        scores: Measured scores by name, as fractions. Defaults to `{}`.
        paper: Publication that describes the method. Defaults to `""`.
        origin: Name under which the very same model is loaded from Hugging
            Face, `"hf://USER/NAME@COMMIT"`. Defaults to `""`: it is on this
            machine.

    Raises:
        ValueError: If `weights` is a URL and `sha256` is missing, or `sha256`
            is no SHA-256 hash.
    """

    name: str
    title: str
    builder: str
    labels: Labels
    arguments: dict[str, Any] = dataclasses.field(default_factory=dict)
    backbone: str | None = None
    backbone_arguments: dict[str, Any] = dataclasses.field(default_factory=dict)
    image_shape: tuple[int | None, int | None, int] = (None, None, 3)
    weights: str | None = None
    sha256: str | None = None
    subset: bool = False
    parameters: int | None = None
    license_weights: str = ""
    license_data: str = ""
    dataset: str = ""
    provenance: str = ""
    scores: dict[str, Any] = dataclasses.field(default_factory=dict)
    paper: str = ""
    origin: str = ""

    def __post_init__(self):
        if self.sha256 is None:
            if self.is_remote:
                raise ValueError(
                    "`sha256` must be given for weights that are downloaded. "
                    f"Received: weights={self.weights!r}, sha256=None"
                )
        elif len(self.sha256) != 64 or set(self.sha256) - set(
            "0123456789abcdef"
        ):
            raise ValueError(
                "`sha256` must be 64 lower-case hexadecimal digits. "
                f"Received: sha256={self.sha256!r}"
            )

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return self.labels.num_classes

    @property
    def is_trained(self) -> bool:
        """Whether the entry has trained weights."""
        return self.weights is not None and self.sha256 is not None

    @property
    def terms(self) -> str:
        """The terms of the training data in a line, up to a semicolon."""
        return self.license_data.partition(";")[0]

    @property
    def is_remote(self) -> bool:
        """Whether the weights are downloaded rather than packaged."""
        return (self.weights or "").startswith(("https:", "http:", "file:"))

    def to_json(self) -> dict[str, Any]:
        """Returns the entry as a dictionary that `json` can write.

        Returns:
            A dictionary from which `from_json` makes an equal entry.
        """
        record = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
        }
        record["labels"] = self.labels.to_json()
        record["image_shape"] = list(self.image_shape)
        return record

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> "Entry":
        """Makes an entry from the dictionary that `to_json` returned.

        Args:
            record: The dictionary. Unknown keys are an error.

        Returns:
            An `Entry`.

        Raises:
            ValueError: If a key is unknown or missing.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        required = {"name", "title", "builder", "labels"}
        if not required <= set(record) <= known:
            raise ValueError(
                "`record` must hold the keys of an entry: "
                f"{', '.join(sorted(required))} and some of "
                f"{', '.join(sorted(known - required))}. "
                f"Received keys: {', '.join(sorted(record))}"
            )
        record = dict(record)
        record["labels"] = Labels.from_json(record["labels"])
        if "image_shape" in record:
            record["image_shape"] = tuple(record["image_shape"])
        return cls(**record)
