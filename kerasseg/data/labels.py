"""The label contract: what the ids in a mask mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Colour = tuple[int, int, int]


def default_palette(num_classes: int) -> tuple[Colour, ...]:
    """The Pascal VOC colour map, which bit-interleaves an id into RGB.

    Args:
        num_classes: number of colours, the first of which is black.

    Returns:
        A tuple of `num_classes` colours `(red, green, blue)`, each 0 to 255.
    """
    return tuple(_voc_colour(class_id) for class_id in range(num_classes))


def _voc_colour(class_id: int) -> Colour:
    channels = [0, 0, 0]
    for bit in range(8):
        for channel in range(3):
            bit_value = class_id >> (3 * bit + channel) & 1
            channels[channel] |= bit_value << (7 - bit)
    return tuple(channels)


@dataclass(frozen=True)
class Labels:
    """Class names, colours and ignored ids of a set of masks.

    A mask pixel is legal when it is `0 .. num_classes - 1` or one of
    `ignore_classes`. Anything else is an error: an unknown id that is dropped
    silently makes a score look better than it is.

    Args:
        class_names: name of each class, in the order of the ids.
        palette: `(red, green, blue)` of each class. Defaults to the Pascal
            VOC colour map.
        ignore_classes: ids that are neither trained on nor scored. Defaults
            to `(255,)`.

    Example:

    >>> labels = Labels(("background", "cat"))
    >>> labels.num_classes
    2
    """

    class_names: tuple[str, ...]
    palette: tuple[Colour, ...] = ()
    ignore_classes: tuple[int, ...] = (255,)

    def __post_init__(self) -> None:
        names = tuple(str(name) for name in self.class_names)
        if len(names) < 2:
            raise ValueError(
                "`class_names` must hold at least two names. "
                f"Received: class_names={self.class_names!r}"
            )
        palette = tuple(tuple(int(v) for v in c) for c in self.palette)
        palette = palette or default_palette(len(names))
        if len(palette) != len(names) or any(not _is_rgb(c) for c in palette):
            raise ValueError(
                f"`palette` must hold {len(names)} colours of three values "
                f"from 0 to 255. Received: palette={self.palette!r}"
            )
        ignored = tuple(sorted({int(i) for i in self.ignore_classes}))
        if ignored and ignored[0] < 0:
            raise ValueError(
                "`ignore_classes` must not be negative. "
                f"Received: ignore_classes={self.ignore_classes!r}"
            )
        object.__setattr__(self, "class_names", names)
        object.__setattr__(self, "palette", palette)
        object.__setattr__(self, "ignore_classes", ignored)

    @property
    def num_classes(self) -> int:
        """Number of classes, ignored ids not counted."""
        return len(self.class_names)

    def check(self, mask: np.ndarray, source: str = "") -> None:
        """Refuses a mask that holds ids this contract does not know.

        Args:
            mask: integer array of ids, any shape.
            source: name of the file, for the message. Defaults to `""`.

        Raises:
            TypeError: if the mask is not an array of integers.
            ValueError: if the mask holds unknown ids; the message names them.
        """
        mask = np.asarray(mask)
        if not np.issubdtype(mask.dtype, np.integer):
            raise TypeError(
                "`mask` must be an array of integer class ids. "
                f"Received: dtype={mask.dtype}"
            )
        known = {*range(self.num_classes), *self.ignore_classes}
        unknown = [i for i in _ids(mask) if i not in known]
        if unknown:
            where = f" {source}" if source else ""
            raise ValueError(
                f"The mask{where} holds unknown class ids: {_few(unknown)}. "
                f"Known are 0 to {self.num_classes - 1} and, ignored, "
                f"{list(self.ignore_classes)}."
            )

    def to_json(self) -> dict[str, Any]:
        """The contract as a dictionary of plain JSON values.

        Returns:
            A dictionary that `from_json` turns back into an equal object.
        """
        return {
            "class_names": list(self.class_names),
            "palette": [list(colour) for colour in self.palette],
            "ignore_classes": list(self.ignore_classes),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Labels":
        """The contract that `to_json` wrote.

        Args:
            values: a dictionary with `class_names` and, optionally, `palette`
                and `ignore_classes`.

        Returns:
            The `Labels`.

        Raises:
            ValueError: if a key is missing or unknown.
        """
        known = {"class_names", "palette", "ignore_classes"}
        if "class_names" not in values or set(values) - known:
            raise ValueError(
                "`values` must have the key class_names and may have palette "
                f"and ignore_classes. Received: keys={sorted(values)}"
            )
        return cls(**{key: tuple(value) for key, value in values.items()})


def _is_rgb(colour: tuple[int, ...]) -> bool:
    return len(colour) == 3 and all(0 <= value <= 255 for value in colour)


def _ids(mask: np.ndarray) -> list[int]:
    if mask.dtype == np.uint8:
        # An order of magnitude faster than sorting every pixel.
        return np.flatnonzero(np.bincount(mask.ravel())).tolist()
    return np.unique(mask).tolist()


def _few(ids: list[int], most: int = 10) -> str:
    text = ", ".join(str(i) for i in ids[:most])
    return text if len(ids) <= most else f"{text} and {len(ids) - most} more"


CAMVID = Labels(
    class_names=(
        "Sky",
        "Building",
        "Pole",
        "Road",
        "Pavement",
        "Tree",
        "SignSymbol",
        "Fence",
        "Car",
        "Pedestrian",
        "Bicyclist",
    ),
    palette=(
        (128, 128, 128),
        (128, 0, 0),
        (192, 192, 128),
        (128, 64, 128),
        (60, 40, 222),
        (128, 128, 0),
        (192, 128, 128),
        (64, 64, 128),
        (64, 0, 128),
        (64, 64, 0),
        (0, 128, 192),
    ),
)

NUCLEI = Labels(
    class_names=("background", "nucleus"),
    palette=((0, 0, 0), (255, 196, 0)),
)
