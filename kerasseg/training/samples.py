"""Datasets whose samples are checked as they are read."""

import logging
from collections.abc import Collection
from collections.abc import Sequence

import numpy as np

from kerasseg.channels import RGB
from kerasseg.data import Labels
from kerasseg.data import check
from kerasseg.data.occurrence import Occurrence
from kerasseg.data.occurrence import where_masks_lie
from kerasseg.ids import check_ids

logger = logging.getLogger(__name__)


def look_at(
    name: str,
    dataset: Sequence,
    num_classes: int,
    ignore_classes: Collection[int],
    channels: int = RGB,
) -> None:
    """Refuses a dataset with which a training would be lost.

    Headers and a few masks are read. What may be right is logged.

    Args:
        name: What the dataset is for, for messages.
        dataset: Sequence of `(image, mask)`.
        num_classes: Number of classes of the model.
        ignore_classes: Ids that a mask may hold besides the classes.
        channels: Channels of the images that the model takes. Defaults to 3.

    Raises:
        ValueError: If something is wrong; the message names the problems of
            `kerasseg.data.check`.
    """
    labels = getattr(dataset, "labels", None) or Labels(
        tuple(f"class {i}" for i in range(max(num_classes, 2))),
        ignore_classes=tuple(ignore_classes),
    )
    _check_channels(name, dataset, channels)
    report = check({name: dataset}, labels, quick=True, channels=channels)
    for problem in report.warnings:
        logger.warning("%s: %s", problem.name, problem.message)
    # What another sequence raises is better raised by itself.
    if hasattr(dataset, "pairs") or any(
        problem.name != "unreadable" for problem in report.errors
    ):
        report.raise_errors()


def _check_channels(name, dataset, channels):
    known = getattr(dataset, "channels", channels)
    if known != channels:
        raise ValueError(
            f"The {name} data must have the {channels} channels that the model "
            f"takes; `channels={channels}` of kerasseg.data.load and the like "
            f"reads them so. Received: images of {known}"
        )


class CheckedSamples:
    """A dataset whose samples are checked when they are first read.

    Samples in a list or tuple are checked at once. `occurrence` knows the ids
    of the masks that were read.

    Args:
        dataset: Sequence of `(image, mask)`.
        num_classes: Number of classes of the model.
        ignore_classes: Ids that a mask may hold besides the classes.
        multiple_of: The last samples are left out so that the length is a
            multiple of this. Defaults to 1.
        name: What the dataset is for, for messages. Defaults to nothing.
        channels: Channels of the images that the model takes. Defaults to 3.

    Raises:
        TypeError: If an image is not `uint8` or a mask holds no integers.
        ValueError: If shapes do not fit or a mask holds an unknown id.
    """

    def __init__(
        self,
        dataset: Sequence,
        num_classes: int,
        ignore_classes: Collection[int],
        multiple_of: int = 1,
        name: str = "",
        channels: int = RGB,
    ) -> None:
        self.dataset = dataset
        self.left_out = len(dataset) % multiple_of
        self.labels = getattr(dataset, "labels", None)
        self.channels = channels
        self.num_classes = num_classes
        self.ignore_classes = sorted(ignore_classes)
        self._checked = set()
        names = getattr(self.labels, "class_names", None)
        source = where_masks_lie(dataset, name)
        self.occurrence = Occurrence(
            num_classes, self.ignore_classes, names, source
        )
        if isinstance(dataset, (list, tuple)):
            self.sizes()

    def __len__(self) -> int:
        return len(self.dataset) - self.left_out

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        image, mask = map(np.asarray, self.dataset[index])
        if index not in self._checked:
            self._check(image, mask, index)
            self.occurrence.add(mask)
            self._checked.add(index)
        return image, mask

    def sizes(self) -> set[tuple[int, int]]:
        """Reads and checks all samples.

        Returns:
            Each `(height, width)` that occurs.
        """
        return {self[index][1].shape for index in range(len(self))}

    def _check(self, image, mask, index):
        if image.dtype != np.uint8 or mask.dtype.kind not in "ui":
            raise TypeError(
                f"Sample {index} must be an image of uint8, 0 to 255, and a "
                "mask of integer class ids. Received: image.dtype="
                f"{image.dtype}, mask.dtype={mask.dtype}"
            )
        if image.shape != (*mask.shape, self.channels) or mask.ndim != 2:
            raise ValueError(
                f"Sample {index} must be an image (height, width, "
                f"{self.channels}) and a mask (height, width). Received: "
                "image.shape="
                f"{image.shape}, mask.shape={mask.shape}"
            )
        check_ids(
            mask,
            self.num_classes,
            self.ignore_classes,
            what=f"The mask of sample {index}",
        )
