"""Where the pixels of a crop lie in the image that it is cut from."""

import dataclasses
import math
from collections.abc import Collection
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from kerasseg.channels import RGB
from kerasseg.ids import present_ids


@dataclass(frozen=True)
class Span:
    """Where one axis of a crop lies in the source, and in the result.

    Args:
        length: Pixels of the source along the axis.
        start: First source position, in pixels, may be fractional.
        stop: Last source position.
        size: Pixels of the result that the source fills.
        offset: First of those pixels.
    """

    length: int
    start: float
    stop: float
    size: int
    offset: int

    @classmethod
    def draw(
        cls,
        length: int,
        crop: int,
        scale: float,
        rng: np.random.Generator,
        target: int | None = None,
        reach: float = 1.0,
    ) -> "Span":
        """A random place of a crop on a scaled image, along one axis.

        Args:
            length: Pixels of the source.
            crop: Pixels of the result.
            scale: Factor of the size.
            rng: Source of the place.
            target: A source pixel that the crop shall show. Defaults to
                `None`: any.
            reach: In which middle part of the crop, 0 to 1, as far as the
                edges of the source allow. Defaults to 1.0.

        Returns:
            The span.
        """
        scaled = max(1, round(length * scale))
        place = rng.random()
        if scaled <= crop:
            offset = int(place * (crop - scaled + 1))
            return cls(length, 0.0, float(length), scaled, offset)
        extent = min(crop / scale, float(length))
        low, high = 0.0, length - extent
        if target is not None:
            margin = (1 - reach) / 2 * extent
            ends = sorted((target + 1 - extent + margin, target - margin))
            low, high = (min(max(end, low), high) for end in ends)
        start = low + place * (high - low)
        return cls(length, start, min(start + extent, length), crop, 0)

    def mirrored(self, crop: int) -> "Span":
        """The span as far from the end of the crop as this from its start.

        Args:
            crop: Pixels of the result.

        Returns:
            The span.
        """
        return dataclasses.replace(self, offset=crop - self.size - self.offset)

    def source(self, positions: np.ndarray) -> np.ndarray:
        """The source pixel below positions in the result.

        Args:
            positions: Positions in pixels of the result; centers of pixels
                are at one half.

        Returns:
            Array of indices, -1 where the source does not reach.
        """
        inner = positions - self.offset
        step = (self.stop - self.start) / self.size
        # Toward zero, which is down where the source reaches.
        found = (self.start + inner * step).astype("int32")
        found = np.minimum(found, self.length - 1)
        return np.where((inner >= 0) & (inner < self.size), found, -1)


def pixel_of_a_class(
    mask: np.ndarray, ignored: Collection[int], rng: np.random.Generator
) -> tuple[int | None, int | None]:
    """A pixel of a class that is drawn evenly from those in a mask.

    Args:
        mask: Integer array `(height, width)`.
        ignored: Ids that are not drawn.
        rng: Source of the choice.

    Returns:
        `(row, column)`, or `(None, None)` where all is ignored.
    """
    classes = [i for i in present_ids(mask) if i not in ignored]
    if not classes:
        return None, None
    places = np.flatnonzero(mask == classes[int(rng.integers(len(classes)))])
    return divmod(int(places[int(rng.integers(len(places)))]), mask.shape[1])


def planes(image: np.ndarray) -> list[np.ndarray]:
    """What Pillow takes as images of an array with channels.

    Args:
        image: `uint8` array `(height, width, channels)`.

    Returns:
        The array itself if it has three channels, else each channel.
    """
    if image.shape[2] == RGB:
        return [image]
    return [np.ascontiguousarray(plane) for plane in np.moveaxis(image, 2, 0)]


def resize(
    image: np.ndarray, rows: Span, columns: Span, scale: float
) -> Image.Image:
    """The part of an image below two spans, as large as they say.

    Args:
        image: `uint8` array `(height, width, 3)` or `(height, width)`.
        rows: Where it lies along the height.
        columns: Where it lies along the width.
        scale: Factor of the size.

    Returns:
        Pillow image; bilinear, antialiased where it shrinks.
    """
    # Pillow copies the whole array, so hand over no more than it will read.
    margin = 2 + math.ceil(1 / scale)
    top = max(0, int(rows.start) - margin)
    left = max(0, int(columns.start) - margin)
    bottom = math.ceil(rows.stop) + margin
    right = math.ceil(columns.stop) + margin
    part = Image.fromarray(image[top:bottom, left:right])
    box = (
        columns.start - left,
        rows.start - top,
        min(columns.stop - left, part.width),
        min(rows.stop - top, part.height),
    )
    size = (columns.size, rows.size)
    return part.resize(size, Image.Resampling.BILINEAR, box=box)


def pad(
    content: np.ndarray,
    spans: Sequence[Span],
    size: tuple[int, int],
    value: int | Sequence[int],
) -> np.ndarray:
    """What fills a part of a crop, with one value around it.

    Args:
        content: Array `(rows.size, columns.size, ...)`.
        spans: Where it lies: rows and columns.
        size: `(height, width)` of the crop.
        value: The value around it, or one for each channel.

    Returns:
        Array of the size of the crop.
    """
    if content.shape[:2] == tuple(size):
        return content
    padded = np.full((*size, *content.shape[2:]), value, dtype=content.dtype)
    rows, columns = (slice(s.offset, s.offset + s.size) for s in spans)
    padded[rows, columns] = content
    return padded


def nearest(
    mask: np.ndarray,
    spans: Sequence[Span],
    size: tuple[int, int],
    void: int,
    angle: float = 0.0,
) -> np.ndarray:
    """The nearest id of a mask for each pixel of a crop.

    Args:
        mask: Integer array `(height, width)`.
        spans: Where the crop, or the window that it is turned in, lies.
        size: `(height, width)` of the crop.
        void: Id where the mask does not reach.
        angle: Angle in degrees by which the crop is turned, see `rotate`.
            Defaults to 0.0.

    Returns:
        Array of the size of the crop, of the type of the mask.
    """
    # Broadcast, so that an upright crop costs a row and a column.
    y, x = (np.arange(n) + 0.5 for n in size)
    y, x = y[:, None], x[None, :]
    if angle:
        a, b, c, d, e, f = _turn(size, window(size, angle), angle)
        y, x = d * x + e * y + f, a * x + b * y + c
    rows, columns = spans[0].source(y), spans[1].source(x)
    ids = mask[rows, columns]
    if min(rows.min(), columns.min()) < 0:
        ids = np.where((rows < 0) | (columns < 0), ids.dtype.type(void), ids)
    return ids


def window(size: tuple[int, int], angle: float) -> tuple[int, int]:
    """The size of an upright window that holds a crop when it is turned.

    Args:
        size: `(height, width)` of the crop.
        angle: Angle in degrees.

    Returns:
        `(height, width)`, odd where the crop's is, so that centers meet.
    """
    if not angle:
        return tuple(size)
    height, width = size
    cos = abs(math.cos(math.radians(angle)))
    sin = abs(math.sin(math.radians(angle)))
    needed = height * cos + width * sin, height * sin + width * cos
    # Less a trifle, since the cosine of 90 degrees is not quite 0.
    return tuple(
        n + 2 * math.ceil((need - n) / 2 - 1e-9)
        for n, need in zip(size, needed, strict=True)
    )


def rotate(
    image: np.ndarray,
    size: tuple[int, int],
    angle: float,
    fill: int | Sequence[int],
) -> np.ndarray:
    """The middle of an image, turned.

    Args:
        image: `uint8` array as large as `window(size, angle)`, with channels.
        size: `(height, width)` of the result.
        angle: Angle in degrees, counterclockwise, as of `np.rot90`.
        fill: Gray value where the image does not reach, or one for each
            channel.

    Returns:
        `uint8` array, bilinear.
    """
    colors = np.broadcast_to(fill, image.shape[2:]).tolist()
    rgb = image.shape[2] == RGB
    turned = [
        Image.fromarray(part).transform(
            (size[1], size[0]),
            Image.Transform.AFFINE,
            _turn(size, image.shape[:2], angle),
            Image.Resampling.BILINEAR,
            fillcolor=color,
        )
        for part, color in zip(
            planes(image), [tuple(colors)] if rgb else colors, strict=True
        )
    ]
    return np.dstack([np.asarray(part) for part in turned])


def _turn(size, window_size, angle):
    """Takes (x, y) of a crop to those of its window: a x + b y + c, ..."""
    # Right angles are exact: Pillow cuts 179.999 down to 179.
    cos = round(math.cos(math.radians(angle)), 12)
    sin = round(math.sin(math.radians(angle)), 12)
    y, x = (n / 2 for n in size)
    middle_y, middle_x = (n / 2 for n in window_size)
    return (
        *(cos, -sin, middle_x - cos * x + sin * y),
        *(sin, cos, middle_y - sin * x - cos * y),
    )
