"""Void strips that outline objects, as in the masks of Pascal VOC."""

import numpy as np

from kerasseg.arguments import check_integer
from kerasseg.ids import ignored_ids
from kerasseg.metrics.boundaries import dilate


def fill_outlines(mask, width, ignore_class=255):
    """Gives narrow strips of void to the nearest class.

    Masks like those of Pascal VOC outline every object with a few pixels of
    void, so that no two classes touch, and no metric of boundaries finds one.
    Afterwards they touch in the middle of the strip. Void that is wider, such
    as objects that are not labeled, stays void. A strip is void in which no
    disk of radius `(width + 1) // 2` has its place.

    Args:
        mask: Integer array `(height, width)`, class ids.
        width: Integer, 0 or more. Widest strip in pixels; 0 fills none.
        ignore_class: Integer, sequence of integers, or `None`. Ids in the
            mask that are void. Defaults to `255`.

    Returns:
        An array like `mask`. Of several classes at the same distance, rounded
        up to whole pixels, a strip takes the lowest id.

    Raises:
        ValueError: If `width` is no integer of 0 or more, or wider than the
            mask, or `mask` has another shape.

    Example:

    >>> fill_outlines(np.array([[0, 0, 255, 255, 1, 255]]), 2)
    array([[  0,   0,   0,   1,   1, 255]])
    """
    radius = (check_integer("width", width, 0) + 1) // 2
    mask = np.array(mask)
    if mask.ndim != 2 or not mask.size:
        raise ValueError(
            "`mask` must have the shape (height, width), and a pixel at "
            f"least. Received: mask.shape={mask.shape}"
        )
    if width > max(mask.shape):
        raise ValueError(
            f"`width` must be at most {max(mask.shape)}, the longer side of "
            f"the mask. Received: width={width!r}, mask.shape={mask.shape}"
        )
    if radius == 0:
        return mask
    void = np.isin(mask, ignored_ids(ignore_class))
    # What a disk of void covers is too wide. The image goes on as it ends.
    around = np.pad(void, 2 * radius, mode="edge")
    wide = dilate(~dilate(~around, radius), radius)
    inside = slice(2 * radius, -2 * radius)
    left = void & ~wide[inside, inside]
    classes = np.unique(mask[~void])
    given = mask.copy()
    for reach in range(1, radius + 1):
        if not left.any():
            break
        for one in classes:
            near = left & dilate(mask == one, reach)
            given[near] = one
            left &= ~near
    return given
