"""Labels: the names, colors and ids of the classes of a dataset.

Nothing here imports Keras at load.
"""

from collections.abc import Collection
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace
from typing import Any

import numpy as np

from kerasseg.id_maps import checked_id_map
from kerasseg.id_maps import decode_ids
from kerasseg.id_maps import encode_ids
from kerasseg.ids import check_ids
from kerasseg.ids import default_ignored
from kerasseg.ids import is_integer
from kerasseg.ids import listed
from kerasseg.label_records import labels_arguments

__all__ = [
    "Color",
    "Labels",
    "default_palette",
]

Color = tuple[int, int, int]


def default_palette(num_classes: int) -> tuple[Color, ...]:
    """The Pascal VOC color map, which bit-interleaves an id into RGB.

    Args:
        num_classes: Number of colors, the first of which is black.

    Returns:
        A tuple of `num_classes` colors `(red, green, blue)`, each 0 to 255.
    """
    return tuple(_voc_color(class_id) for class_id in range(num_classes))


def _voc_color(class_id: int) -> Color:
    channels = [0, 0, 0]
    for bit in range(8):
        for channel in range(3):
            bit_value = class_id >> (3 * bit + channel) & 1
            channels[channel] |= bit_value << (7 - bit)
    return tuple(channels)


@dataclass(frozen=True)
class Labels:
    """Class names, colors and ignored ids of a set of masks.

    A mask pixel is legal when it is `0 .. num_classes - 1` or one of
    `ignore_classes`. Anything else is an error: an unknown id that is dropped
    silently makes a score look better than it is.

    Files often hold other ids than these, or finer classes. `id_map` says
    what becomes of each; `encode` applies it, and every dataset of kerasseg
    does so as it reads a mask. Training, evaluation, calibration and export
    therefore see class ids alone, and take the same object. `remap` and
    `reduce_zero_label` make such a map.

    Args:
        class_names: Name of each class, in the order of the ids, no two
            alike.
        palette: `(red, green, blue)` of each class. Defaults to the Pascal
            VOC color map.
        ignore_classes: Ids that are neither trained on nor scored. The id of
            a class may be one of them. Defaults to `None`: 255 where that is
            no class, else none.
        id_map: Ids in files, and the class or ignored id that each stands
            for: a mapping, or pairs. An ignored id that is not named stands
            for itself; any other id is then an error. Defaults to `()`: files
            hold the ids of the classes.

    Example:

    >>> labels = Labels(("background", "cat"))
    >>> labels.num_classes
    2
    """

    class_names: tuple[str, ...]
    palette: tuple[Color, ...] = ()
    ignore_classes: tuple[int, ...] | None = None
    id_map: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        names = _checked_names(self.class_names)
        palette = _checked_palette(self.palette, len(names))
        ignored = self.ignore_classes
        if ignored is None:
            ignored = default_ignored(len(names))
        ignored = _checked_ignored(ignored)
        object.__setattr__(self, "class_names", names)
        object.__setattr__(self, "palette", palette)
        object.__setattr__(self, "ignore_classes", ignored)
        id_map = checked_id_map(self.id_map, {*range(len(names)), *ignored})
        object.__setattr__(self, "id_map", id_map)

    @property
    def num_classes(self) -> int:
        """Number of classes, ignored ids not counted."""
        return len(self.class_names)

    @property
    def void(self) -> int:
        """The largest ignored id, which what is no class becomes.

        Raises:
            ValueError: If there is no ignored id.
        """
        if not self.ignore_classes:
            raise ValueError(
                "`ignore_classes` must hold an id for what is ignored. "
                "Received: ignore_classes=()"
            )
        return self.ignore_classes[-1]

    def check(self, mask: np.ndarray, source: str = "") -> None:
        """Refuses a mask that holds ids this contract does not know.

        Args:
            mask: Integer array of ids, any shape.
            source: Name of the file, for the message. Defaults to `""`.

        Raises:
            TypeError: If the mask is not an array of integers.
            ValueError: If the mask holds unknown ids; the message names them.
        """
        check_ids(
            mask, self.num_classes, self.ignore_classes, _the_mask(source)
        )

    def encode(self, mask: np.ndarray, source: str = "") -> np.ndarray:
        """Class ids of a mask as it is in a file.

        Args:
            mask: Integer array of ids, any shape.
            source: Name of the file, for the message. Defaults to `""`.

        Returns:
            The mask itself where there is no `id_map` and it is of the right
            type; else a new one. All masks of the same labels are of one
            type: `uint8`, or `int32` if an id of these labels is above 255.

        Raises:
            TypeError: If the mask is not an array of integers.
            ValueError: If the mask holds unknown ids; the message names them.
        """
        if not self.id_map:
            self.check(mask, source)
        else:
            mask = encode_ids(
                mask, self.id_map, self.ignore_classes, _the_mask(source)
            )
        largest = max((self.num_classes - 1, *self.ignore_classes))
        return mask.astype("uint8" if largest <= 255 else "int32", copy=False)

    def decode(self, mask: np.ndarray) -> np.ndarray:
        """The ids that files have for the classes of a mask.

        Servers of benchmarks take masks of these. Where `id_map` names several
        ids for one class, it becomes the smallest of them; an ignored id for
        which it names none stands for itself.

        Args:
            mask: Integer array of class ids and ignored ids, any shape.

        Returns:
            A new array, `uint8` unless an id is above 255.

        Raises:
            TypeError: If the mask is not an array of integers.
            ValueError: If the mask holds unknown ids, or classes that no id in
                files stands for.
        """
        self.check(mask)
        id_map = self.id_map or tuple((i, i) for i in range(self.num_classes))
        return decode_ids(mask, id_map, self.ignore_classes)

    def remap(
        self,
        classes: Mapping[str, Any],
        ignore: Collection[str | int] = (),
    ) -> "Labels":
        """Labels of coarser classes for the same files.

        Args:
            classes: Name of each new class, and what it is made of: a name
                or id of a class of these labels, or several.
            ignore: Names or ids of the classes that are to be ignored, under
                the largest ignored id. Defaults to `()`.

        Returns:
            Labels with an `id_map`. A new class has the color of the first
            class that it is made of. One of ignored classes is ignored.

        Raises:
            ValueError: If a class is unknown, named twice or not at all, or
                is made of ignored classes and others, or there is no ignored
                id for `ignore`.

        Example:

        >>> labels = Labels(("road", "car", "truck", "sky"))
        >>> coarse = labels.remap(
        ...     {"road": 0, "vehicle": ("car", "truck")}, ignore=["sky"]
        ... )
        >>> coarse.encode(np.array([0, 1, 2, 3], "uint8")).tolist()
        [0, 1, 1, 255]
        """
        members = [[self._id(m) for m in _several(v)] for v in classes.values()]
        ignored = [self._id(member) for member in _several(ignore)]
        self._check_members([*members, ignored])
        target = {old: new for new, ids in enumerate(members) for old in ids}
        coarse = Labels(
            tuple(classes),
            tuple(self.palette[ids[0]] for ids in members),
            self._ignored_of(members),
        )
        if ignored:
            target |= dict.fromkeys(ignored, coarse.void)
        old = self.id_map or tuple((i, i) for i in range(self.num_classes))
        id_map = {
            file_id: target.get(class_id, class_id) for file_id, class_id in old
        }
        return replace(coarse, id_map=id_map)

    def reduce_zero_label(self) -> "Labels":
        """Labels for files in which 0 is void and class `i` is stored as
        `i + 1`, as in ADE20K.

        Returns:
            Labels with the `id_map`.

        Raises:
            ValueError: If there is an `id_map` already, or no ignored id.
        """
        if self.id_map:
            raise ValueError(
                "`reduce_zero_label` takes labels without an `id_map`. "
                f"Received: id_map={self.id_map!r}"
            )
        shifted = {i + 1: i for i in range(self.num_classes)}
        return Labels(
            self.class_names,
            self.palette,
            self.ignore_classes,
            {0: self.void, **shifted},
        )

    def colors(self) -> dict[Color, int]:
        """The class id of each color of the palette.

        Returns:
            A dictionary from `(red, green, blue)` to the id.

        Raises:
            ValueError: If two classes have the same color.
        """
        if len(set(self.palette)) < self.num_classes:
            raise ValueError(
                "`palette` must have a color of its own for each class to "
                f"tell them apart. Received: palette={self.palette!r}"
            )
        return {color: i for i, color in enumerate(self.palette)}

    def _id(self, member):
        if isinstance(member, str) and member in self.class_names:
            return self.class_names.index(member)
        if is_integer(member) and 0 <= member < self.num_classes:
            return int(member)
        raise ValueError(
            "`classes` and `ignore` must name classes by name or id, of "
            f"{', '.join(self.class_names)}. Received: {member!r}"
        )

    def _ignored_of(self, members):
        """The ignored ids of coarser classes; an ignored class has a new id."""
        ignored = {*self.ignore_classes}
        for ids in members:
            if 0 < len(ignored & {*ids}) < len({*ids}):
                names = ", ".join(self.class_names[i] for i in ids)
                raise ValueError(
                    "`classes` must not make one class of ignored classes and "
                    f"others. Received: one of {names}, where the ids "
                    f"{sorted(ignored & {*ids})} are ignored"
                )
        others = (i for i in self.ignore_classes if i >= self.num_classes)
        new = (k for k, ids in enumerate(members) if ignored & {*ids})
        return (*new, *others)

    def _check_members(self, members):
        named = [i for ids in members for i in ids]
        twice = sorted({i for i in named if named.count(i) > 1})
        absent = sorted(set(range(self.num_classes)) - set(named))
        empty = any(not ids for ids in members[:-1])
        if twice or absent or empty:
            names = ", ".join(self.class_names[i] for i in twice or absent)
            fault = "twice" if twice else "not named"
            raise ValueError(
                "`classes` and `ignore` must name each class exactly once, "
                "and each new class at least one. Received: "
                + (f"{names} {fault}" if names else "a class of nothing")
            )

    def to_json(self) -> dict[str, Any]:
        """The contract as a dictionary of plain JSON values.

        Returns:
            A dictionary that `from_json` turns back into an equal object.
        """
        record = {
            "class_names": list(self.class_names),
            "palette": [list(color) for color in self.palette],
            "ignore_classes": list(self.ignore_classes),
        }
        if self.id_map:
            # JSON has strings for keys.
            record["id_map"] = {str(old): new for old, new in self.id_map}
        return record

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Labels":
        """The contract that `to_json` wrote.

        Args:
            values: A dictionary with `class_names` and, optionally,
                `palette`, `ignore_classes` and `id_map`.

        Returns:
            The `Labels`.

        Raises:
            ValueError: If a key is missing or unknown, or a value is not of
                the kind that `to_json` writes.
        """
        return cls(**labels_arguments(values))


def _the_mask(source):
    return f"The mask {source}" if source else "The mask"


def _checked_names(class_names):
    if _as_tuple(class_names) is None:
        raise ValueError(
            "`class_names` must be a sequence of names, not one string. "
            f"Received: class_names={class_names!r}"
        )
    names = tuple(str(name) for name in class_names)
    if len(names) < 2:
        raise ValueError(
            "`class_names` must hold at least two names. "
            f"Received: class_names={class_names!r}"
        )
    twice = list(dict.fromkeys(n for n in names if names.count(n) > 1))
    if twice:
        raise ValueError(
            "`class_names` must name each class differently. Received twice: "
            f"{listed(twice)}"
        )
    return names


def _checked_palette(palette, count):
    colors = _as_tuple(palette)
    if colors == ():
        return default_palette(count)
    colors = tuple(map(_as_tuple, colors or ()))
    if len(colors) != count or not all(map(_is_rgb, colors)):
        raise ValueError(
            f"`palette` must hold {count} colors of three integers from 0 to "
            f"255. Received: palette={palette!r}"
        )
    return tuple(tuple(map(int, color)) for color in colors)


def _checked_ignored(ignore_classes):
    ids = _as_tuple(ignore_classes)
    if ids is None or not all(is_integer(i) and i >= 0 for i in ids):
        raise ValueError(
            "`ignore_classes` must be a sequence of ids of 0 or more. "
            f"Received: ignore_classes={ignore_classes!r}"
        )
    return tuple(sorted({int(i) for i in ids}))


def _as_tuple(value):
    """What is in a sequence; `None` for a text and what is no sequence."""
    if isinstance(value, str) or not np.iterable(value):
        return None
    return tuple(value)


def _several(value):
    return (value,) if isinstance(value, str | int | np.integer) else value


def _is_rgb(color):
    return (
        color is not None
        and len(color) == 3
        and all(is_integer(value) and 0 <= value <= 255 for value in color)
    )
