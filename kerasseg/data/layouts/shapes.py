"""Shapes that people draw, painted into a mask."""

import difflib
from collections.abc import Sequence

import numpy as np
from PIL import Image
from PIL import ImageDraw

from kerasseg.labels import Labels

IGNORED_NAMES = ("__ignore__", "ignore", "void")
# Pixels from the image, beyond which a number is no place on it.
FARTHEST = 1 << 20
BACKGROUND_NAMES = ("_background_", "__background__", "background")

Points = Sequence[tuple[float, float]]


class Painter:
    """A mask that shapes are painted into, the later over the earlier.

    A pixel belongs to a shape where Pillow's polygons have it. What nobody
    painted has the id 0, the background.

    Args:
        size: Width and height in pixels.
        labels: Classes, by whose names shapes are called.
        source: File that the shapes come from, for messages.

    Raises:
        ValueError: If the labels name a background that is not their first
            class.
    """

    def __init__(self, size: tuple[int, int], labels: Labels, source) -> None:
        late = [n for n in labels.class_names[1:] if n in BACKGROUND_NAMES]
        if late:
            raise ValueError(
                f"`labels` must name {late[0]!r} first: what nobody painted "
                f"in {source} has the id 0. "
                f"Received: class_names={labels.class_names}"
            )
        self._image = Image.new("I", size)
        self._draw = ImageDraw.Draw(self._image)
        self._labels = labels
        self._source = source

    def polygon(self, name: str, points: Points) -> None:
        """Paints the inside and the outline of a polygon.

        Args:
            name: Name of its class.
            points: `(x, y)` of its corners, three or more.
        """
        if len(points) < 3:
            raise ValueError(
                f"{self._source} must have polygons of three points or more. "
                f"Received: {len(points)} for {name!r}"
            )
        value = self.class_id(name)
        points = self._places(name, points)
        self._draw.polygon(points, fill=value, outline=value)

    def box(self, name: str, points: Points) -> None:
        """Paints a rectangle.

        Args:
            name: Name of its class.
            points: `(x, y)` of two opposite corners.
        """
        (x0, y0), (x1, y1) = self._places(name, points)
        box = [min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)]
        self._draw.rectangle(box, fill=self.class_id(name))

    def ellipse(
        self, name: str, center: tuple[float, float], radii: tuple[float, float]
    ) -> None:
        """Paints an upright ellipse.

        Args:
            name: Name of its class.
            center: `(x, y)`.
            radii: Half of its width and of its height.
        """
        (x, y), (rx, ry) = center, radii
        corners = self._places(name, [(x - rx, y - ry), (x + rx, y + ry)])
        self._draw.ellipse(corners, fill=self.class_id(name))

    def pixels(self, name: str, corner: tuple[float, float], inside) -> None:
        """Paints the pixels of a binary image.

        Args:
            name: Name of its class.
            corner: `(x, y)` of the pixel at its top left, rounded.
            inside: Boolean array `(height, width)`.
        """
        stencil = Image.fromarray(np.where(inside, 255, 0).astype("uint8"))
        ((x, y),) = self._places(name, [corner])
        corner = round(x), round(y)
        area = (*corner, corner[0] + stencil.width, corner[1] + stencil.height)
        self._image.paste(self.class_id(name), area, stencil)

    def class_id(self, name: str) -> int:
        """The id of a class by its name.

        Args:
            name: Name of a class, or one for what is ignored or background.

        Returns:
            The id.

        Raises:
            ValueError: If there is no such class; the message names the
                closest.
        """
        names = self._labels.class_names
        if name in names:
            return names.index(name)
        if name in IGNORED_NAMES and self._labels.ignore_classes:
            return self._labels.void
        if name in BACKGROUND_NAMES:
            return 0
        close = difflib.get_close_matches(str(name), names, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(
            f"{self._source} must name classes of the labels, "
            f"{', '.join(names)}.{hint} Received: {name!r}"
        )

    def _places(self, name, points):
        """The points in floats, which are places on the image or near it."""
        try:
            found = [(float(x), float(y)) for x, y in points]
        except ValueError as error:
            raise ValueError(
                f"{self._source} must have points of two numbers. "
                f"Received: {str(points)[:80]} for {name!r}"
            ) from error
        if not all(abs(value) <= FARTHEST for xy in found for value in xy):
            raise ValueError(
                f"{self._source} must have points within {FARTHEST} pixels. "
                f"Received: {str(points)[:80]} for {name!r}"
            )
        return found

    def mask(self) -> np.ndarray:
        """What was painted.

        Returns:
            `int32` array of shape `(height, width)`.
        """
        return np.array(self._image, "int32")
