"""What a check of a dataset found."""

from collections import Counter
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import Any

import numpy as np

from kerasseg.channels import RGB
from kerasseg.labels import Labels

ERROR = "error"
WARNING = "warning"

# Most files that a problem names.
MOST_FILES = 100


@dataclass(frozen=True)
class Problem:
    """Something that is wrong with a dataset.

    Args:
        name: What kind of problem it is, such as `"unknown_ids"`.
        severity: `"error"` where training or scores would be wrong or fail,
            `"warning"` where they may be right.
        message: What it is and what to do, in one or two sentences.
        count: How many files have it.
        files: The first hundred of these files.
    """

    name: str
    severity: str
    message: str
    count: int = 0
    files: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The problem as a dictionary of plain JSON values.

        Returns:
            Its fields by name.
        """
        return {**vars(self), "files": list(self.files)}


@dataclass(frozen=True)
class SplitReport:
    """What one split of a dataset holds.

    Args:
        samples: Number of pairs of an image and a mask.
        sizes: Number of images of each `(height, width)`.
        image_modes: Number of images of each mode of Pillow, such as `"RGB"`.
        mask_modes: Number of masks of each mode of Pillow.
        masks_read: Number of masks whose ids are counted below.
        pixels: Number of pixels of each class, by its id.
        images: Number of masks in which each class occurs.
        shares: Share of each class in the pixels of the masks in which it
            occurs.
        void: Number of pixels of each ignored id.
        unknown: Number of pixels of each id that means nothing.
    """

    samples: int
    sizes: Mapping[tuple[int, int], int]
    image_modes: Mapping[str, int]
    mask_modes: Mapping[str, int]
    masks_read: int
    pixels: tuple[int, ...]
    images: tuple[int, ...]
    shares: tuple[float, ...]
    void: Mapping[int, int]
    unknown: Mapping[int, int]

    def total(self) -> int:
        """Number of pixels in all masks that were read.

        Returns:
            The number.
        """
        others = (*self.void.values(), *self.unknown.values())
        return sum(self.pixels) + sum(others)

    def to_json(self) -> dict[str, Any]:
        """The split as a dictionary of plain JSON values.

        Returns:
            Its fields by name; a size is a text `HEIGHTxWIDTH`.
        """
        return {
            "samples": self.samples,
            "sizes": {f"{h}x{w}": n for (h, w), n in self.sizes.items()},
            "image_modes": dict(self.image_modes),
            "mask_modes": dict(self.mask_modes),
            "masks_read": self.masks_read,
            "pixels": list(self.pixels),
            "images": list(self.images),
            "shares": list(self.shares),
            "void": {str(i): n for i, n in self.void.items()},
            "unknown": {str(i): n for i, n in self.unknown.items()},
        }


@dataclass(frozen=True)
class DatasetReport:
    """What a check of a dataset found.

    Args:
        source: What was checked, in words.
        labels: What the ids mean; guessed from the masks where nothing says.
        splits: What each split holds.
        problems: What is wrong, errors first.
        quick: Whether only headers and a few masks were read.
        samples: The samples of each split: `Pair`s of files, or the dataset.
        channels: Channels of the images, as they were read.
    """

    source: str
    labels: Labels
    splits: Mapping[str, SplitReport]
    problems: tuple[Problem, ...]
    quick: bool = False
    samples: Mapping[str, Sequence] = field(default_factory=dict, repr=False)
    channels: int = RGB

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems with which training or scores would be wrong."""
        return tuple(p for p in self.problems if p.severity == ERROR)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """The problems that may be none."""
        return tuple(p for p in self.problems if p.severity == WARNING)

    @property
    def training_split(self) -> str | None:
        """The split `train`, or else the first."""
        first = next(iter(self.splits), None)
        return "train" if "train" in self.splits else first

    @property
    def class_weights(self) -> tuple[float, ...]:
        """Weights of the classes by median frequency, for a loss.

        A class weighs the median of all frequencies by its own, where its
        frequency is its share of the pixels in the masks in which it occurs.
        A class that never occurs in the training split weighs nothing.

        Reference: Eigen and Fergus, 2015, section 6.3.2,
        https://arxiv.org/abs/1411.4734
        """
        if self.training_split is None:
            return (0.0,) * self.labels.num_classes
        return median_frequency(self.splits[self.training_split].shares)

    def raise_errors(self) -> None:
        """Raises what is wrong, if it is an error.

        Raises:
            ValueError: If there is an error; the message has all of them.
        """
        if self.errors:
            raise ValueError(
                f"{self.source} cannot be used as it is. "
                + " ".join(f"({p.name}) {p.message}" for p in self.errors)
            )

    def to_json(self) -> dict[str, Any]:
        """The report as a dictionary of plain JSON values.

        Returns:
            `source`, `quick`, `labels`, `splits`, `class_weights` and
            `problems`.
        """
        return {
            "source": self.source,
            "quick": self.quick,
            "labels": self.labels.to_json(),
            "splits": {k: v.to_json() for k, v in self.splits.items()},
            "class_weights": list(self.class_weights),
            "problems": [problem.to_json() for problem in self.problems],
        }


def median_frequency(shares: tuple[float, ...]) -> tuple[float, ...]:
    """Weights of classes by median frequency.

    Args:
        shares: Share of each class in the pixels of the masks in which it
            occurs; 0 where it never does.

    Returns:
        One weight for each class; 0 where it never occurs.
    """
    there = [share for share in shares if share > 0]
    if not there:
        return (0.0,) * len(shares)
    median = float(np.median(there))
    return tuple(median / share if share > 0 else 0.0 for share in shares)


def split_report(scans: list, labels: Labels) -> SplitReport:
    """What one split holds, from what was seen of its samples.

    Args:
        scans: A `Scan` of each sample.
        labels: What the ids mean.

    Returns:
        The `SplitReport`.
    """
    count = labels.num_classes
    pixels, images, around = np.zeros((3, count), "int64")
    void, unknown = Counter(), Counter()
    known = meaning(labels)
    read = [scan.ids for scan in scans if scan.ids is not None]
    for ids in read:
        seen = np.zeros(count, "int64")
        for file_id, number in ids.items():
            class_id = known.get(file_id)
            if class_id is None:
                unknown[file_id] += number
            elif class_id < count:
                seen[class_id] += number
            else:
                void[class_id] += number
        pixels += seen
        images += seen > 0
        around += (seen > 0) * sum(ids.values())
    return SplitReport(
        samples=len(scans),
        sizes=_counted(s.image_size for s in scans if s.image_size),
        image_modes=_counted(s.image_mode for s in scans if s.image_mode),
        mask_modes=_counted(s.mask_mode for s in scans if s.mask_mode),
        masks_read=len(read),
        pixels=tuple(pixels.tolist()),
        images=tuple(images.tolist()),
        shares=tuple((pixels / np.maximum(around, 1)).tolist()),
        void=dict(sorted(void.items())),
        unknown=dict(sorted(unknown.items())),
    )


def meaning(labels: Labels) -> dict[int, int]:
    """What each id in a file stands for.

    Args:
        labels: What the ids mean.

    Returns:
        The class id or ignored id of each id that means something.
    """
    ignored = {i: i for i in labels.ignore_classes}
    if labels.id_map:
        return ignored | dict(labels.id_map)
    return ignored | {i: i for i in range(labels.num_classes)}


def _counted(values):
    return dict(Counter(values).most_common())
