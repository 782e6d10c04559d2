"""Which ids occur in the masks of a dataset: what no single mask can tell."""

from collections.abc import Collection
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kerasseg.ids import present_ids


class Occurrence:
    """The ids that occur in the masks seen so far.

    Args:
        num_classes: Number of classes, which have the ids from 0 on.
        ignore_classes: Ids that are not scored.
        class_names: Names of the classes. Defaults to their ids.
        source: What the masks are, for the warning, such as
            `"data/masks/train"`. Defaults to nothing.

    Example:

    >>> occurrence = Occurrence(2, (255,), ("background", "cell"))
    >>> occurrence.add(np.array([[0, 255]], "uint8"))
    >>> occurrence.warning().split(",")[0]
    'The class cell never occurs in the masks'
    """

    def __init__(
        self,
        num_classes: int,
        ignore_classes: Collection[int],
        class_names: Sequence[str] | None = None,
        source: str = "",
    ) -> None:
        self._source = f" of {source}" if source else ""
        self._classes = range(num_classes)
        self._ignored = frozenset(ignore_classes)
        self._names = class_names or self._classes
        self._seen = set()

    def add(self, mask: np.ndarray) -> None:
        """Notes the ids of a mask.

        Args:
            mask: Integer array of any shape.
        """
        self._seen.update(present_ids(mask))

    def warning(self) -> str:
        """Says that a class never occurs while an ignored id does.

        Masks in which the foreground is 255 are the usual cause. Their
        foreground is neither learned nor scored, and what is left looks
        perfect.

        Returns:
            A sentence or two, empty where there is nothing to say.
        """
        scored = set(self._classes) - self._ignored
        absent = sorted(scored - self._seen)
        void = sorted(self._seen & self._ignored - set(self._classes))
        if not absent or not void or not self._seen & scored:
            return ""
        names = ", ".join(str(self._names[i]) for i in absent[:10])
        names += f" and {len(absent) - 10} more" if len(absent) > 10 else ""
        classes = "classes" if len(absent) > 1 else "class"
        verb = "occur" if len(absent) > 1 else "occurs"
        message = (
            f"The {classes} {names} never {verb} in the masks{self._source}, "
            f"while {' and '.join(map(str, void))}, which is ignored, does."
        )
        if self._seen == {0, *void} and len(void) == 1:
            message += (
                f" Where {void[0]} is the foreground, it must become 1: "
                f"Labels(names, id_map={{0: 0, {void[0]}: 1}}), or "
                f'"id_map": {{"0": 0, "{void[0]}": 1}} in labels.json.'
            )
        return message


def where_masks_lie(dataset, default: str = "") -> str:
    """The folder of the masks of a dataset, for messages.

    Args:
        dataset: Any dataset.
        default: What to call one that lies in no folder.

    Returns:
        Such as `"camvid/masks/train"`.
    """
    root = getattr(dataset, "root", None)
    split = getattr(dataset, "split", None)
    if root is None or split is None:
        return default
    return str(Path(root) / "masks" / split)
