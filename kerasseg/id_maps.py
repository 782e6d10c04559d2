"""Maps from the ids in files to the ids of classes, both ways.

Nothing here imports Keras at load.
"""

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping

import numpy as np

from kerasseg.ids import integers
from kerasseg.ids import is_integer
from kerasseg.ids import listed
from kerasseg.ids import present_ids
from kerasseg.ids import unknown_ids

__all__ = ["Pairs", "checked_id_map", "decode_ids", "encode_ids"]

Pairs = tuple[tuple[int, int], ...]


def checked_id_map(
    id_map: Mapping[int, int] | Iterable[tuple[int, int]],
    targets: Collection[int],
) -> Pairs:
    """The sorted pairs of an argument `id_map`.

    Args:
        id_map: Ids in files, and the id that each stands for.
        targets: The ids of classes and the ignored ids.

    Returns:
        Pairs of the id in files and of the other.

    Raises:
        ValueError: If an id in files is negative or comes twice, or stands
            for none of `targets`.
    """
    pairs = id_map.items() if isinstance(id_map, Mapping) else id_map
    pairs = tuple(pairs) if np.iterable(pairs) else (None,)
    valid = all(np.iterable(pair) and len(pair) == 2 for pair in pairs) and all(
        is_integer(i) and i >= 0 for pair in pairs for i in pair
    )
    if not valid or len({old for old, _ in pairs}) < len(pairs):
        raise ValueError(
            "`id_map` must map ids of 0 or more to ids, each once. "
            f"Received: id_map={id_map!r}"
        )
    wrong = sorted({int(new) for _, new in pairs} - {*targets})
    if wrong:
        raise ValueError(
            f"`id_map` must map to classes or ignored ids, {sorted(targets)}. "
            f"Received: {wrong}"
        )
    return tuple(sorted((int(old), int(new)) for old, new in pairs))


def encode_ids(
    mask: np.ndarray, id_map: Pairs, ignored: Collection[int], noun: str
) -> np.ndarray:
    """A mask of the ids in files as a mask of the ids of classes.

    Args:
        mask: Integer array of ids, any shape.
        id_map: Pairs as of `checked_id_map`, at least one.
        ignored: Ids that stand for themselves where the map has none.
        noun: Subject of the message, such as `"The mask a.png"`.

    Returns:
        A new array, `uint8` unless the map leads to ids above 255.

    Raises:
        TypeError: If the mask is not an array of integers.
        ValueError: If the mask holds ids that the map has not.
    """
    known = {i: i for i in ignored} | dict(id_map)
    unknown = unknown_ids(integers(mask, noun), 0, known)
    if unknown:
        raise ValueError(
            f"{noun} holds ids that `id_map` does not name: "
            f"{listed(unknown)}. It names {listed(sorted(known), 20)}."
        )
    table = np.zeros(max(known) + 1, "int64")
    table[list(known)] = list(known.values())
    return table.astype("uint8" if table.max() <= 255 else "int32")[mask]


def decode_ids(
    mask: np.ndarray, id_map: Pairs, ignored: Collection[int]
) -> np.ndarray:
    """A mask of the ids of classes as a mask of the ids in files.

    Args:
        mask: Integer array of ids, any shape.
        id_map: Pairs as of `checked_id_map`. Of several ids in files that
            stand for one class, the smallest is taken.
        ignored: Ids that stand for themselves where the map neither names
            them nor leads to them.

    Returns:
        A new array, `uint8` unless an id is above 255.

    Raises:
        ValueError: If the mask holds an id that the map does not lead to.
    """
    known = {i: i for i in {*ignored} - {old for old, _ in id_map}}
    known |= {new: old for old, new in sorted(id_map)[::-1]}
    present = present_ids(mask)
    absent = sorted(set(present) - set(known))
    if absent:
        raise ValueError(
            f"`mask` must hold ids that `id_map` leads to. Received: a "
            f"mask with {absent}"
        )
    wide = max((known[i] for i in present), default=0) > 255
    decoded = np.zeros(mask.shape, "uint16" if wide else "uint8")
    for new in present:
        decoded[mask == new] = known[new]
    return decoded
