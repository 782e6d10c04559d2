"""The tiles of one image: their shape, as the memory allows, and places."""

import bisect
import dataclasses
import math
import warnings

from kerasseg.arguments import check_integer
from kerasseg.arguments import check_integers
from kerasseg.inference.ends import input_shape
from kerasseg.inference.ends import output_shape
from kerasseg.inference.memory import estimated_bytes
from kerasseg.inference.memory import free_bytes
from kerasseg.inference.reach import reach
from kerasseg.inference.tiling import Tile
from kerasseg.inference.tiling import cut

# Larger tiles spend less on overlaps, but more on each pixel: intermediate
# maps leave the processor's caches. The product is smallest about here.
LARGEST_SIDE = 1024
# The share of its side that a tile has in common with the next one.
OVERLAP_SHARE = 1 / 16
# What may be taken where the system does not tell what is free.
_UNKNOWN_MEMORY = 1 << 30
_PADDING = 127.5


@dataclasses.dataclass(frozen=True)
class TilePlan:
    """How one image is cut into tiles.

    Args:
        tile_shape: `(height, width)` of all tiles.
        rows: The tiles along the height.
        columns: The tiles along the width.
        batch_size: Tiles per step.
        padding: Value of the pixels beyond the image.
        bytes: Estimated memory that the prediction takes.
    """

    tile_shape: tuple[int, int]
    rows: list[Tile]
    columns: list[Tile]
    batch_size: int
    padding: float
    bytes: int


def plan_tiles(
    model, shape, tile_shape=None, overlap=None, batch_size=1, memory=None
) -> TilePlan:
    """The tiles of an image, see `predict_tiled`.

    Args:
        model: `keras.Model` from pixels to logits.
        shape: `(height, width, channels)` of the image.
        tile_shape: `(height, width)`, or `None` to choose it.
        overlap: Least overlap in pixels, or `None` for 1/16 of the tile.
        batch_size: Tiles per step. Defaults to 1.
        memory: Bytes that the prediction may take, or `None` for half of
            what is free.

    Returns:
        The plan.

    Raises:
        ValueError: If an argument is out of its range, or `memory` is less
            than the smallest tile takes.
    """
    batch_size = check_integer("batch_size", batch_size)
    budget = _budget(memory)
    align, padding = grid(model)
    fixed = input_shape(model)[1:3]
    explicit = tile_shape is not None or None not in fixed
    if explicit:
        shapes = [_explicit_shape(tile_shape, fixed, align)]
        align = math.gcd(align, *shapes[0])
    else:
        shapes = _sides(overlap, align)

    def planned(tile):
        return _plan(model, shape, tile, overlap, batch_size, align, padding)

    # From the largest to the smallest: the first that fits.
    first = bisect.bisect_left(
        shapes, True, key=lambda tile: planned(tile).bytes <= budget
    )
    plan = planned(shapes[min(first, len(shapes) - 1)])
    if plan.bytes > budget:
        given = f"memory={budget}"
        if memory is None:
            given = f"no `memory`, for which {budget} bytes are taken"
        raise ValueError(
            f"`memory` must be at least {plan.bytes} bytes "
            f"({math.ceil(plan.bytes / 2**20)} MiB), which tiles of "
            f"{plan.tile_shape[0]} x {plan.tile_shape[1]} pixels take. "
            f"Received: {given}"
        )
    if not explicit:
        return planned(_even(shape, plan, overlap, align))
    if tile_shape is not None and None in fixed:
        _warn_of_small_tiles(model, plan)
    return plan


def grid(model, stride=32) -> tuple[int, float]:
    """The stride of a model and the value that it pads images with.

    Args:
        model: `keras.Model` from pixels to logits.
        stride: What to take for a model that does not pad. Defaults to 32.

    Returns:
        Those of its layer `kerasseg>PadToMultiple`; without one, `stride` and
        the middle of 0..255.
    """
    # Also of a model in the model, or of one that a layer holds.
    for layer in model._flatten_layers():
        if type(layer).__name__ == "PadToMultiple":
            return layer.multiple, layer.value
    return stride, _PADDING


def _budget(memory):
    """The bytes that may be taken."""
    if memory is None:
        free = free_bytes()
        return _UNKNOWN_MEMORY if free is None else free // 2
    return check_integer("memory", memory)


def _explicit_shape(tile_shape, fixed, align):
    """The shape that was asked for, or that the model has."""
    if tile_shape is None:
        return tuple(fixed)
    tile = check_integers("tile_shape", tile_shape, least=32, length=2)
    if None in fixed:
        tile = tuple(-(-side // align) * align for side in tile)
    if any(f not in (None, t) for f, t in zip(fixed, tile, strict=True)):
        raise ValueError(
            f"`tile_shape` must be {tuple(fixed)}, the input size of the "
            f"model. Received: tile_shape={tile_shape}"
        )
    return tile


def _sides(overlap, align):
    """Shapes to try, from the largest down to four strides a side."""
    # Half of a tile may be overlap.
    least = 2 * math.ceil(check_integer("overlap", overlap or 0, 0) / align)
    largest = max(LARGEST_SIDE // align, least, 1)
    smallest = min(largest, max(4, least))
    return [(n * align, n * align) for n in range(largest, smallest - 1, -1)]


def _even(shape, plan, overlap, align):
    """The smallest shape of as many tiles: none is mostly overlap."""
    sides = []
    for length, side, tiles in zip(
        shape[:2], plan.tile_shape, (plan.rows, plan.columns), strict=True
    ):
        if len(tiles) > 1:
            shared = _overlap(overlap, side, align, length)
            least = math.ceil((length - shared) / len(tiles)) + shared
            side = -(-max(least, 2 * shared) // align) * align
        sides.append(side)
    return tuple(sides)


def _plan(model, shape, tile, overlap, batch_size, align, padding):
    axes, shapes = [], []
    flexible = None in input_shape(model)[1:3]
    for length, side in zip(shape[:2], tile, strict=True):
        padded = -(-length // align) * align
        shared = _overlap(overlap, side, align, length)
        if flexible:
            side = min(side, padded)
        axes.append(cut(length, side, shared, align))
        shapes.append(side)
    size = _bytes(model, shape, shapes, axes, batch_size)
    return TilePlan(tuple(shapes), *axes, batch_size, padding, size)


def _overlap(overlap, side, align, length):
    """The least overlap along an axis, a multiple of the stride."""
    if overlap is None:
        shared = math.ceil(side * OVERLAP_SHARE / align)
        return min(shared, side // 2 // align) * align
    shared = -(-check_integer("overlap", overlap, 0) // align) * align
    if shared > side // 2 and length > side:
        raise ValueError(
            f"`overlap` must be at most half a tile, {side // 2} pixels. "
            f"Received: overlap={overlap}"
        )
    return min(shared, side // 2)


def _bytes(model, shape, tile, axes, batch_size):
    """Memory for a batch of tiles and for what is kept between them."""
    rows, columns = axes
    classes = output_shape(model)[-1]
    band = tile[0] * shape[1] * 5
    above = 2 * max(t.trail for t in rows) * shape[1] * classes * 4
    beside = tile[0] * tile[1] * classes * 4
    pixels = batch_size * tile[0] * tile[1] * shape[2] * 8
    step = batch_size * estimated_bytes(model, tile)
    return step + pixels + band + above + beside


def _warn_of_small_tiles(model, plan):
    if len(plan.rows) * len(plan.columns) == 1:
        return
    distance = reach(model)
    side = min(plan.tile_shape)
    if distance is not None and side <= 2 * distance:
        warnings.warn(
            f"The tiles of {plan.tile_shape[0]} x {plan.tile_shape[1]} pixels "
            "are smaller than the receptive field of the model, about "
            f"{2 * distance} pixels: every pixel sees less than in the whole "
            "image.",
            stacklevel=4,
        )
