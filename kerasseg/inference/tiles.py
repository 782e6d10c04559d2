"""Prediction in overlapping tiles, for images of any size."""

import numpy as np

from kerasseg.inference.ends import output_shape
from kerasseg.inference.tile_plan import plan_tiles
from kerasseg.inference.tiling import ramp
from kerasseg.inference.whole_image import MINIMUM_SIZE
from kerasseg.inference.whole_image import as_logits
from kerasseg.inference.whole_image import channels_of
from kerasseg.inference.whole_image import checked_pixels


def predict_tiled(
    model,
    image,
    out=None,
    tile_shape=None,
    overlap=None,
    batch_size=1,
    memory=None,
    progress=None,
):
    """Class ids of one image of any size, predicted in overlapping tiles.

    Every tile has the same shape, so that the model is traced once. Where two
    tiles overlap, the middle quarter of the overlap is blended: logits are
    weighted by `sin^2` ramps that sum to 1. Rows are read and written as the
    tiles go down the image; no more than one row of tiles is in memory.

    A pixel whose receptive field lies in its tile gets the logits of the
    whole image. Near the seams the model sees less than in the whole image;
    the larger `overlap`, the less it misses. Layers that see all of an image
    (the matrices of GDN, the pooled branch of DeepLabV3+) see a tile instead.

    Args:
        model: `keras.Model` from `(batch, height, width, channels)` pixels in
            0..255 to logits.
        image: Path of an image file; array `(height, width, channels)` with
            values in 0..255; or an object with such a `shape` and a method
            `read(top, bottom)` that returns these rows. Height and width 32
            or more.
        out: Object with a method `write(rows)`, called with unsigned class
            ids `(n, width)` from the top down; or `None` to return the mask.
            Defaults to `None`.
        tile_shape: `(height, width)` of a tile in pixels, rounded up to the
            stride of the model. Defaults to `None`: the input size of the
            model if that is fixed, else up to 1024 a side, or twice `overlap`,
            as `memory` allows, and no more than it takes to cover `image`.
        overlap: Least pixels that two neighbors both see, rounded up to the
            stride, at most half a tile. Three times the reach of the model
            (`kerasseg.inference.reach`) gives the mask of the whole image.
            Defaults to `None`: 1/16 of the tile.
        batch_size: Tiles per step. The last step repeats a tile, so that all
            batches have one shape. Defaults to 1.
        memory: Bytes that the prediction may take, besides the model, `image`
            if it is an array, and the mask if it is returned. Defaults to
            `None`: half of what is free.
        progress: Called with the number of tiles done and their total.
            Defaults to `None`.

    Returns:
        Int32 array `(height, width)` of class ids, or `None` with `out`.

    Raises:
        ValueError: If `image` is not usable, `overlap` is over half a tile,
            the model has another input size than `tile_shape`, or `memory`
            is less than a tile takes.

    Warns:
        UserWarning: If `tile_shape` is smaller than the receptive field.

    Example:

    >>> model = kerasseg.zoo.load("lrr_4x")
    >>> mask = predict_tiled(model, "aerial.jpg", memory=2**30)
    """
    source = _source(image, channels_of(model))
    plan = plan_tiles(
        model, source.shape, tile_shape, overlap, batch_size, memory
    )
    blocks = _mask_blocks(model, source, plan, progress)
    if out is not None:
        for block in blocks:
            out.write(block)
        return None
    mask = np.empty(source.shape[:2], "int32")
    top = 0
    for block in blocks:
        mask[top : top + len(block)] = block
        top += len(block)
    return mask


class _ArrayRows:
    """An array as a source of rows."""

    def __init__(self, pixels):
        self.shape = pixels.shape
        self._pixels = pixels

    def read(self, top, bottom):
        return self._pixels[top:bottom]


def _source(image, channels):
    if not callable(getattr(image, "read", None)):
        return _ArrayRows(checked_pixels(image, channels))
    shape = tuple(image.shape)
    right = len(shape) == 3 and shape[2] == channels
    if not right or min(shape[:2]) < MINIMUM_SIZE:
        raise ValueError(
            f"`image` must have the {channels} channels that the model takes, "
            f"and be at least {MINIMUM_SIZE} pixels high and wide. "
            f"Received: image.shape={shape}"
        )
    return image


def _mask_blocks(model, source, plan, progress):
    """Class ids from the top down, one block for each row of tiles."""
    width, classes = source.shape[1], output_shape(model)[-1]
    total, done = len(plan.rows) * len(plan.columns), 0
    bands = _bands(source, plan)
    above = None
    for row in plan.rows:
        band = next(bands)
        ids = np.empty(
            (row.high - row.trail - row.low, width), _id_dtype(classes)
        )
        below = np.empty((row.trail, width, classes), "float32")
        tiles = _logits(model, band, plan)
        for left, logits, whole in _joined(tiles, row, plan):
            where = slice(left, left + logits.shape[1])
            if row.lead:
                weights = ramp(row.lead)[:, np.newaxis, np.newaxis]
                shared = logits[: row.lead] * weights + above[:, where]
                ids[: row.lead, where] = shared.argmax(-1)
            if row.trail:
                weights = ramp(row.trail)[::-1, np.newaxis, np.newaxis]
                below[:, where] = logits[-row.trail :] * weights
            own = slice(row.lead, len(ids))
            ids[own, where] = logits[own].argmax(-1)
            done += whole
            if whole and progress is not None:
                progress(done, total)
        above = below
        yield ids


def _bands(source, plan):
    """The pixels that each row of tiles sees, read once each."""
    height, width = source.shape[:2]
    side = plan.tile_shape[0]
    band, top = None, 0
    for row in plan.rows:
        kept = 0 if band is None else top + len(band) - row.start
        bottom = min(row.start + side, height)
        fresh = source.read(row.start + kept, bottom)
        band = np.concatenate([band[-kept:], fresh]) if kept else fresh
        top = row.start
        yield band


def _logits(model, band, plan):
    """The logits of the tiles of one row, from left to right."""
    shape = (plan.batch_size, *plan.tile_shape, band.shape[2])
    for first in range(0, len(plan.columns), plan.batch_size):
        columns = plan.columns[first : first + plan.batch_size]
        batch = np.full(shape, plan.padding, "float32")
        for tile, column in zip(batch, columns, strict=False):
            seen = band[:, column.start : column.start + shape[2]]
            tile[: seen.shape[0], : seen.shape[1]] = seen
        batch[len(columns) :] = batch[0]
        logits = as_logits(model.predict_on_batch(batch), plan.tile_shape)
        yield from logits[: len(columns)]


def _joined(logits, row, plan):
    """The logits of one row of tiles, blended along it from left to right.

    Yields:
        The first column of a part, its logits, and whether it ends a tile:
        what two tiles share comes apart from what is one tile's own, which
        would have to be copied to hold both.
    """
    rows = slice(row.low - row.start, row.high - row.start)
    before = None
    for column, tile in zip(plan.columns, logits, strict=True):
        low, high = column.low - column.start, column.high - column.start
        part = tile[rows, low:high]
        if column.lead:
            weights = ramp(column.lead)[:, np.newaxis]
            shared = part[:, : column.lead] * weights + before
            yield column.low, shared, False
        if column.trail:
            weights = ramp(column.trail)[::-1, np.newaxis]
            before = part[:, -column.trail :] * weights
        own = slice(column.lead, high - low - column.trail)
        yield column.low + column.lead, part[:, own], True


def _id_dtype(classes):
    return "uint8" if classes <= 256 else "uint16"
