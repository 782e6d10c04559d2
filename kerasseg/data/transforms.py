"""Random changes made to an image and its mask together."""

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Augmentation:
    """Random scale, crop, flip and color, giving samples of one size.

    Only the part of the image that becomes the crop is resized, bilinearly;
    the mask takes the nearest id, at the same half-pixel centers, so no id
    arises that was not there. Where the scaled image is smaller than the
    crop it lies at a random place, surrounded by gray that the mask ignores.

    Args:
        crop_size: Height and width of the result in pixels. Defaults to
            `(320, 320)`.
        scale: Smallest and largest factor of the size; their logarithm is
            drawn evenly, so halving is as likely as doubling. Defaults to
            `(0.5, 2.0)`.
        flip: Whether every second sample is mirrored left to right. Defaults
            to `True`.
        brightness: Largest relative change of the brightness, 0 to 1.
            Defaults to 0.3.
        contrast: Largest relative change of the contrast about mid-gray, 0
            to 1. Defaults to 0.3.
        saturation: Largest relative change of the colorfulness, 0 to 1.
            Defaults to 0.4.
        gamma: The exponent of the tone curve is drawn between
            `1 / (1 + gamma)` and `1 + gamma`. Defaults to 0.3.
        fill: Gray value around an image that is smaller than the crop.
            Defaults to 127.
        ignore_class: Id in the mask around such an image. Defaults to 255.

    Example:

    >>> augment = Augmentation(crop_size=(64, 96))
    >>> image, mask = augment(image, mask, np.random.default_rng(0))
    >>> image.shape, mask.shape
    ((64, 96, 3), (64, 96))
    """

    crop_size: tuple[int, int] = (320, 320)
    scale: tuple[float, float] = (0.5, 2.0)
    flip: bool = True
    brightness: float = 0.3
    contrast: float = 0.3
    saturation: float = 0.4
    gamma: float = 0.3
    fill: int = 127
    ignore_class: int = 255

    def __post_init__(self) -> None:
        if len(self.crop_size) != 2 or min(self.crop_size) < 1:
            raise ValueError(
                "`crop_size` must be two positive integers (height, width). "
                f"Received: crop_size={self.crop_size!r}"
            )
        if len(self.scale) != 2 or not 0 < self.scale[0] <= self.scale[1]:
            raise ValueError(
                "`scale` must be two positive numbers, the smaller first. "
                f"Received: scale={self.scale!r}"
            )
        for name in ("brightness", "contrast", "saturation"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ValueError(
                    f"`{name}` must be from 0 to 1. Received: {name}={value!r}"
                )
        if self.gamma < 0:
            raise ValueError(
                f"`gamma` must not be negative. Received: gamma={self.gamma!r}"
            )

    def __call__(
        self, image: np.ndarray, mask: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """One random version of a sample.

        Args:
            image: `uint8` array of shape `(height, width, 3)`.
            mask: Integer array of shape `(height, width)`.
            rng: Source of every random choice.

        Returns:
            The new image and mask, `crop_size` large, of the same types.

        Raises:
            ValueError: If the shapes do not fit.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(
                "`image` must be a uint8 array (height, width, 3). Received: "
                f"shape={image.shape}, dtype={image.dtype}"
            )
        if image.shape[:2] != mask.shape:
            raise ValueError(
                "`mask` must have the height and width of the image. "
                f"Received: image {image.shape}, mask {mask.shape}"
            )
        low, high = (math.log(value) for value in self.scale)
        scale = math.exp(rng.uniform(low, high))
        spans = [
            _Span.draw(length, crop, scale, rng)
            for length, crop in zip(mask.shape, self.crop_size, strict=True)
        ]
        mirrored = self.flip and rng.random() < 0.5
        content = self._recolor(_resize(image, *spans, scale), rng)
        ids = mask[np.ix_(spans[0].nearest(), spans[1].nearest())]
        if mirrored:
            content, ids = content[:, ::-1], ids[:, ::-1]
        return (
            _pad(content, spans, (*self.crop_size, 3), self.fill),
            _pad(ids, spans, self.crop_size, self.ignore_class),
        )

    def _recolor(self, content, rng):
        factors = 1 + rng.uniform(-1, 1, size=3) * (
            self.brightness,
            self.contrast,
            self.saturation,
        )
        exponent = (1 + self.gamma) ** rng.uniform(-1, 1)
        if self.saturation:
            gray = content.convert("L").convert("RGB")
            content = Image.blend(gray, content, factors[2])
        if self.brightness or self.contrast or self.gamma:
            tones = _tone_curve(factors[0], factors[1], exponent)
            content = content.point(tones * 3)
        return np.asarray(content)


@dataclass(frozen=True)
class _Span:
    """Where one axis of the crop lies in the source, and in the result.

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
    def draw(cls, length, crop, scale, rng):
        scaled = max(1, round(length * scale))
        place = rng.random()
        if scaled <= crop:
            offset = int(place * (crop - scaled + 1))
            return cls(length, 0.0, float(length), scaled, offset)
        extent = min(crop / scale, float(length))
        start = place * (length - extent)
        return cls(length, start, min(start + extent, length), crop, 0)

    def nearest(self):
        """Index of the source pixel under the center of each new pixel."""
        step = (self.stop - self.start) / self.size
        centers = self.start + (np.arange(self.size) + 0.5) * step
        return np.minimum(centers.astype("int64"), self.length - 1)


def _resize(image, rows, columns, scale):
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


def _tone_curve(brightness, contrast, exponent):
    tones = np.linspace(0.0, 1.0, 256) ** exponent * brightness
    tones = (tones - 0.5) * contrast + 0.5
    return np.clip(np.rint(tones * 255), 0, 255).astype("uint8").tolist()


def _pad(content, spans, shape, value):
    if content.shape == shape:
        return np.ascontiguousarray(content)
    padded = np.full(shape, value, dtype=content.dtype)
    rows, columns = (slice(s.offset, s.offset + s.size) for s in spans)
    padded[rows, columns] = content
    return padded
