"""Random changes made to an image and its mask together."""

import dataclasses
import math
from collections.abc import Callable
from collections.abc import Collection
from dataclasses import dataclass

import keras
import numpy as np

from kerasseg.arguments import check_integer
from kerasseg.arguments import check_integers
from kerasseg.arguments import check_number
from kerasseg.arguments import check_range
from kerasseg.data.boxes import cut_mix
from kerasseg.data.boxes import drop
from kerasseg.data.geometry import Span
from kerasseg.data.geometry import nearest
from kerasseg.data.geometry import pad
from kerasseg.data.geometry import pixel_of_a_class
from kerasseg.data.geometry import planes
from kerasseg.data.geometry import resize
from kerasseg.data.geometry import rotate
from kerasseg.data.geometry import window
from kerasseg.data.tones import blur
from kerasseg.data.tones import recolor

_SHARES = ("brightness", "contrast", "saturation", "class_balance", "cutmix")


def _neutral(default):
    """A field of which a run says nothing where it changes nothing."""
    return dataclasses.field(default=default, metadata={"neutral": True})


@keras.saving.register_keras_serializable("kerasseg")
@dataclass(frozen=True)
class Augmentation:
    """Random scale, crop, turn, flip, color and cuts, giving one size.

    Only the part of the image that becomes the crop is resized, bilinearly;
    the mask takes the nearest id, at the same half-pixel centers, so no id
    arises that was not there. Where the scaled image is smaller than the
    crop it lies at a random place, surrounded by gray that the mask ignores.

    What is made of a sample depends on the generator alone: in `batches` and
    `Batches`, with TensorFlow or without, on the seed, the epoch and the
    index of the sample.

    Args:
        crop_size: Height and width of the result in pixels. Defaults to
            `(320, 320)`.
        scale: Smallest and largest factor of the size, above 0; their
            logarithm is drawn evenly, so halving is as likely as doubling.
            Defaults to `(0.5, 2.0)`.
        flip: Whether every second sample is mirrored left to right. Defaults
            to `True`.
        brightness: Largest relative change of the brightness, 0 to 1.
            Defaults to 0.3.
        contrast: Largest relative change of the contrast about mid-gray, 0
            to 1. Defaults to 0.3.
        saturation: Largest relative change of the colorfulness, 0 to 1, of
            images of three channels. Defaults to 0.4.
        gamma: The exponent of the tone curve is drawn between
            `1 / (1 + gamma)` and `1 + gamma`, 0 or more. Defaults to 0.3.
        fill: Gray value where no image is, 0 to 255, or a value for each
            channel. Defaults to 127.
        ignore_class: Id in the mask there, 0 or more. Defaults to 255.
        vertical_flip: Whether every second sample is mirrored top to bottom,
            for images without an up, as from above. Defaults to `False`.
        quarter_turns: Whether samples are turned by 0, 90, 180 or 270
            degrees, equally often and without a loss. Defaults to `False`.
        rotation: Largest angle in degrees, 0 to 180; drawn evenly to both
            sides, about the middle of the crop. Defaults to 0.0.
        blur: Largest standard deviation, in pixels of the crop, of the
            Gaussian by which every second image is blurred, 0 or more.
            Defaults to 0.0.
        holes: Largest number of rectangles that are covered with gray and
            void, 0 or more; drawn evenly from 0 on (coarse dropout).
            Defaults to 0.
        hole_size: Smallest and largest side of these, as parts of the
            crop's, 0 to 1. Defaults to `(0.05, 0.2)`.
        class_balance: Part of the samples, 0 to 1, whose crop is placed so
            that it shows a pixel of a class drawn evenly from those in the
            mask, however rare. Defaults to 0.0.
        cutmix: Part of the samples, 0 to 1, that get a rectangle of another
            sample, of any area, in its place; `batches` and `Batches` choose
            the other. Defaults to 0.0.
        ignore_classes: Ids that `class_balance` does not draw, besides
            `ignore_class`; `batches` and `Batches` add the ignored ids of
            the dataset. Defaults to `()`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> augment = Augmentation(crop_size=(64, 96), rotation=10)
    >>> image, mask = augment(image, mask, np.random.default_rng(0))
    >>> image.shape, mask.shape
    ((64, 96, 3), (64, 96))

    Reference:
        Rectangles: DeVries and Taylor, "Cutout", 2017,
        https://arxiv.org/abs/1708.04552. CutMix: see `cut_mix`. Crops by
        class: Rota Bulo et al., "In-place activated batch normalization for
        memory-optimized training of DNNs", CVPR 2018,
        https://arxiv.org/abs/1712.02616 (section 4.2).
    """

    crop_size: tuple[int, int] = (320, 320)
    scale: tuple[float, float] = (0.5, 2.0)
    flip: bool = True
    brightness: float = 0.3
    contrast: float = 0.3
    saturation: float = 0.4
    gamma: float = 0.3
    fill: int | tuple[int, ...] = 127
    ignore_class: int = 255
    vertical_flip: bool = _neutral(False)
    quarter_turns: bool = _neutral(False)
    rotation: float = _neutral(0.0)
    blur: float = _neutral(0.0)
    holes: int = _neutral(0)
    hole_size: tuple[float, float] = _neutral((0.05, 0.2))
    class_balance: float = _neutral(0.0)
    cutmix: float = _neutral(0.0)
    ignore_classes: tuple[int, ...] = _neutral(())

    def __post_init__(self) -> None:
        check_integers("crop_size", self.crop_size, length=2)
        check_range("scale", self.scale)
        check_range("hole_size", self.hole_size, 1)
        for name in ("flip", "vertical_flip", "quarter_turns"):
            if not isinstance(getattr(self, name), bool | np.bool_):
                raise ValueError(
                    f"`{name}` must be True or False. "
                    f"Received: {name}={getattr(self, name)!r}"
                )
        for name in _SHARES:
            check_number(name, getattr(self, name), 0, 1)
        check_number("gamma", self.gamma)
        check_number("blur", self.blur)
        check_number("rotation", self.rotation, 0, 180)
        for name in ("ignore_class", "holes"):
            check_integer(name, getattr(self, name), 0)
        if self.ignore_classes != ():
            check_integers("ignore_classes", self.ignore_classes, 0)
        if isinstance(self.fill, list | tuple):
            values = check_integers("fill", self.fill, 0)
        else:
            values = (check_integer("fill", self.fill, 0),)
        if max(values) > 255:
            raise ValueError(
                "`fill` must be a gray value from 0 to 255, or one for each "
                f"channel. Received: fill={self.fill!r}"
            )
        for field in dataclasses.fields(self):
            value = _plain(getattr(self, field.name))
            object.__setattr__(self, field.name, value)

    def __call__(
        self, image: np.ndarray, mask: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """One random version of a sample, without `cutmix`.

        Args:
            image: `uint8` array of shape `(height, width, channels)`.
            mask: Integer array of shape `(height, width)`.
            rng: Source of every random choice.

        Returns:
            The new image and mask, `crop_size` large, of the same types.

        Raises:
            ValueError: If the shapes do not fit.
        """
        _check_sample(image, mask, self.ignore_class)
        _check_fill(self.fill, image.shape[2])
        image, mask = self._cut(image, mask, rng)
        if self.holes:
            count = int(rng.integers(self.holes + 1))
            image, mask = drop(
                image,
                mask,
                count,
                self.hole_size,
                self.fill,
                self.ignore_class,
                rng,
            )
        return np.ascontiguousarray(image), np.ascontiguousarray(mask)

    def mix(
        self,
        image: np.ndarray,
        mask: np.ndarray,
        partner: Callable,
        rng: np.random.Generator,
    ) -> tuple[np.ndarray, np.ndarray]:
        """A sample with a rectangle of another, if its turn comes.

        Args:
            image: What this object made of an image.
            mask: What it made of the mask.
            partner: Function without arguments that returns what it made of
                another sample; called where that is needed.
            rng: Source of every random choice.

        Returns:
            The image and the mask, mixed in a `cutmix` part of all calls.
        """
        if not self.cutmix or rng.random() >= self.cutmix:
            return image, mask
        return cut_mix(image, mask, *partner(), rng)

    def ignoring(self, ids: Collection[int]) -> "Augmentation":
        """The same augmentation, which draws none of some ids as a class.

        Args:
            ids: The ignored ids of a dataset.

        Returns:
            The augmentation.
        """
        ignored = {*self.ignore_classes, *ids} - {self.ignore_class}
        return dataclasses.replace(self, ignore_classes=tuple(sorted(ignored)))

    def get_config(self) -> dict:
        """The arguments, as JSON holds them.

        Returns:
            A dictionary from which `from_config` makes an equal object.
        """
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in dataclasses.asdict(self).items()
        }

    @classmethod
    def from_config(cls, config: dict) -> "Augmentation":
        """An augmentation from what `get_config` returned.

        Args:
            config: The arguments by name.

        Returns:
            The augmentation.
        """
        values = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in config.items()
        }
        return cls(**values)

    def _cut(self, image, mask, rng):
        """The crop, turned, mirrored and recolored."""
        low, high = (math.log(value) for value in self.scale)
        scale = math.exp(rng.uniform(low, high))
        turns = int(rng.integers(4)) if self.quarter_turns else 0
        angle = rng.uniform(-1, 1) * self.rotation if self.rotation else 0.0
        crop = self.crop_size[::-1] if turns % 2 else self.crop_size
        size = window(crop, angle)
        # Within a circle about the middle, all is seen at any angle.
        reach = min(crop) / math.hypot(*size) if angle else 1.0
        spans = self._place(mask, size, scale, reach, rng)
        mirrored = self.flip and rng.random() < 0.5
        if mirrored:
            # A small image lies where it was drawn, also when mirrored.
            spans[1] = spans[1].mirrored(size[1])
        inverted = self.vertical_flip and rng.random() < 0.5
        image = self._paint(image, spans, scale, rng)
        image = pad(image, spans, size, self.fill)
        if angle:
            image = rotate(image, crop, angle, self.fill)
        ids = nearest(mask, spans, crop, self.ignore_class, angle)
        order = -1 if inverted else 1, -1 if mirrored else 1
        return tuple(
            np.rot90(part, turns)[:: order[0], :: order[1]]
            for part in (image, ids)
        )

    def _place(self, mask, size, scale, reach, rng):
        """Where a crop of some size lies in the source."""
        targets = (None, None)
        if self.class_balance and rng.random() < self.class_balance:
            ignored = {self.ignore_class, *self.ignore_classes}
            targets = pixel_of_a_class(mask, ignored, rng)
        return [
            Span.draw(length, crop, scale, rng, target, reach)
            for length, crop, target in zip(
                mask.shape, size, targets, strict=True
            )
        ]

    def _paint(self, image, spans, scale, rng):
        """The pixels below the crop in other colors."""
        content = recolor(
            [resize(part, *spans, scale) for part in planes(image)],
            self.brightness,
            self.contrast,
            self.saturation,
            self.gamma,
            rng,
        )
        if self.blur:
            content = blur(content, self.blur, rng)
        return np.dstack([np.asarray(part) for part in content])


def _plain(value):
    """A value as Python has it, which JSON holds, in the place of NumPy's."""
    if isinstance(value, list | tuple):
        return tuple(map(_plain, value))
    return value.item() if isinstance(value, np.generic) else value


def _check_fill(fill, channels):
    if np.ndim(fill) and len(fill) != channels:
        raise ValueError(
            f"`fill` must be a number, or one for each of {channels} channels. "
            f"Received: fill={fill!r}"
        )


def _check_sample(image, mask, void):
    if image.ndim != 3 or not image.shape[2] or image.dtype != np.uint8:
        raise ValueError(
            "`image` must be a uint8 array (height, width, channels). "
            f"Received: shape={image.shape}, dtype={image.dtype}"
        )
    if image.shape[:2] != mask.shape:
        raise ValueError(
            "`mask` must have the height and width of the image. "
            f"Received: image {image.shape}, mask {mask.shape}"
        )
    if mask.dtype.kind not in "iu" or np.iinfo(mask.dtype).max < void:
        raise ValueError(
            f"`mask` must be an array of integers that can hold the ignored "
            f"id {void}. Received: dtype={mask.dtype}"
        )
