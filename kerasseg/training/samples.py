from collections.abc import Collection
from collections.abc import Sequence

import numpy as np


class CheckedSamples:
    """A dataset whose samples are checked when they are first read.

    Samples in a list or tuple are checked at once. What goes wrong inside of
    an input pipeline reaches the caller as an error of the pipeline; `error`
    keeps the first one as it was.

    Args:
        dataset: Sequence of `(image, mask)`.
        num_classes: Number of classes of the model.
        ignore_classes: Ids that a mask may hold besides the classes.
        multiple_of: The last samples are left out so that the length is a
            multiple of this. Defaults to 1.

    Raises:
        TypeError: if an image is not `uint8` or a mask holds no integers.
        ValueError: if shapes do not fit or a mask holds an unknown id.
    """

    def __init__(
        self,
        dataset: Sequence,
        num_classes: int,
        ignore_classes: Collection[int],
        multiple_of: int = 1,
    ) -> None:
        self.dataset = dataset
        self.left_out = len(dataset) % multiple_of
        self.labels = getattr(dataset, "labels", None)
        self.error = None
        self._num_classes = num_classes
        self._ignored = sorted(ignore_classes)
        self._checked = set()
        if isinstance(dataset, (list, tuple)):
            self.sizes()

    def __len__(self) -> int:
        return len(self.dataset) - self.left_out

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        try:
            image, mask = self.dataset[index]
            image, mask = np.asarray(image), np.asarray(mask)
            if index not in self._checked:
                self._check(image, mask, index)
                self._checked.add(index)
        except (OSError, TypeError, ValueError) as error:
            self.error = self.error or error
            raise
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
        if image.shape != (*mask.shape, 3) or mask.ndim != 2:
            raise ValueError(
                f"Sample {index} must be an image (height, width, 3) and a "
                "mask (height, width). Received: image.shape="
                f"{image.shape}, mask.shape={mask.shape}"
            )
        known = {*range(self._num_classes), *self._ignored}
        unknown = [i for i in _ids(mask) if i not in known]
        if unknown:
            raise ValueError(
                f"The mask of sample {index} holds unknown class ids: "
                f"{', '.join(map(str, unknown[:10]))}. Known are 0 to "
                f"{self._num_classes - 1} and, ignored, {self._ignored}."
            )


def _ids(mask):
    if mask.dtype == np.uint8:
        # An order of magnitude faster than sorting every pixel.
        return np.flatnonzero(np.bincount(mask.ravel())).tolist()
    return np.unique(mask).tolist()
