"""The images that a proof runs on, and those that scale integers."""

import copy
import os
from collections.abc import Iterator

import numpy as np

from kerasseg.data.image import resize_planes
from kerasseg.data.pixels import check_pixels
from kerasseg.data.tf_data import as_samples
from kerasseg.ids import class_ids

DEFAULT_COUNT = 4
# Calibration images that are kept, and those of them that a proof takes.
MAX_IMAGES = 32
PROOF_IMAGES = 24


class Samples:
    """Images of one size, with masks where there are any.

    Args:
        shape: `(1, height, width, channels)` of the exported input. Images
            of another size are resized to it.
        items: `None` for seeded random images; or a dataset,
            `tf.data.Dataset` or sequence of `image`, `(image, mask)` or paths
            of images. An image is an array `(height, width, channels)`,
            values 0..255; a mask an array `(height, width)` of class ids.
            Defaults to `None`.
        argument: Name of the user's argument that `items` came from.
            Defaults to `"verify_on"`.
    """

    def __init__(self, shape, items=None, argument="verify_on"):
        self.shape = tuple(shape)
        self._argument = argument
        if items is None:
            self._items = random_images(shape[1:], DEFAULT_COUNT)
            self.description = "seeded random images"
        else:
            self._items = _checked_items(items, argument, self.shape[3])
            kind = (
                "calibration images" if argument == "calibration" else "images"
            )
            self.description = f"{kind} of the user ({type(items).__name__})"
        self._indices = range(len(self._items))
        self._resized = {}
        self._told = False

    def __len__(self):
        return len(self._indices)

    def __iter__(self) -> Iterator:
        for index in self._indices:
            image, mask, _ = self._read(index)
            yield image, mask

    def first(self) -> np.ndarray:
        """Reads the first image.

        Returns:
            Batch of one image.
        """
        return next(iter(self))[0][None]

    def with_sizes(self) -> Iterator:
        """Reads the images and tells how large they were.

        Yields:
            Pairs of an image and its `(height, width)` before it was
            resized, which is `None` for a file.
        """
        for index in self._indices:
            image, _, size = self._read(index)
            yield image, size

    def spread(self, count, told=False) -> "Samples":
        """Chooses some of the images, evenly spread over all.

        Args:
            count: How many to choose at most.
            told: Whether others say that images were resized. Defaults to
                `False`: `notes` does.

        Returns:
            `Samples` of these images.
        """
        chosen = copy.copy(self)
        chosen._resized = {}
        chosen._told = told
        wanted = min(count, len(self))
        picks = np.linspace(0, len(self) - 1, wanted).round().astype(int)
        chosen._indices = [self._indices[int(pick)] for pick in picks]
        return chosen

    def notes(self) -> tuple[str, ...]:
        """Says that images were read which had another size than the input.

        Returns:
            A sentence, or none.
        """
        if self._told or not self._resized:
            return ()
        height, width = self.shape[1:3]
        example = "x".join(map(str, next(iter(self._resized.values()))))
        return (
            f"`{self._argument}`: {len(self._resized)} of {len(self)} images "
            f"were resized to {height}x{width}, the size of the input; one of "
            f"them was {example}.",
        )

    def _read(self, index):
        item = self._items[index]
        image, mask = item if isinstance(item, tuple) else (item, None)
        from_file = isinstance(image, str | os.PathLike)
        if from_file:
            from kerasseg.data.image import read_image

            image = read_image(image, self.shape[3])
        image = np.asarray(image)
        channels = self.shape[3]
        if image.ndim != 3 or image.shape[-1] != channels:
            raise ValueError(
                f"`{self._argument}` must hold images of shape (height, "
                f"width, {channels}). Received: image {index} of shape "
                f"{image.shape}"
            )
        size = image.shape[:2]
        mask = self._mask(mask, index, size)
        check_pixels(image, f"Image {index} of `{self._argument}`")
        image = image.astype("float32")
        if size != self.shape[1:3]:
            self._resized[index] = size
            image = resize_planes(image, self.shape[1:3])
        return image, mask, None if from_file else size

    def _mask(self, mask, index, size):
        if mask is None:
            return None
        mask = np.asarray(mask)
        mask = mask[..., 0] if mask.ndim == 3 else mask
        if mask.shape != size:
            raise ValueError(
                f"`{self._argument}` must hold masks of the size of their "
                f"images, {size}. Received: the mask of image {index} of "
                f"shape {mask.shape}"
            )
        return class_ids(mask, f"Mask {index} of `{self._argument}`")


class Calibration:
    """Up to 32 images of the user, evenly spread over what was given.

    Some set the ranges of the integers (`SCALED_IMAGES` of
    `kerasseg.export.quantization`), and some verify the file, see `proof`.
    Every image is read and checked at once, so that a wrong one is named
    before the conversion starts. Datasets and files are resized to the
    input; arrays must have its size already, because whoever passes arrays
    has prepared them.

    Args:
        shape: `(1, height, width, channels)` of the exported input.
        items: Dataset or sequence of images, `(image, mask)` pairs or
            paths, as in `Samples`.

    Raises:
        TypeError: If `items` is no dataset or sequence.
        ValueError: If an image has another shape or its pixels are not
            0..255.
    """

    def __init__(self, shape, items):
        given = Samples(shape, items, "calibration")
        self.labels = getattr(items, "labels", None)
        self._samples = given.spread(MAX_IMAGES)
        highest = 0.0
        prepared = self.labels is None
        for index, (image, size) in enumerate(self._samples.with_sizes()):
            if prepared and size is not None and size != tuple(shape[1:3]):
                raise ValueError(
                    f"`calibration` must hold arrays of height and width "
                    f"{tuple(shape[1:3])}, the size of the file's input; "
                    f"resize them as they will be where the file is used, or "
                    f"pass the dataset or the paths. Received: image "
                    f"{index} of {size}"
                )
            highest = max(highest, float(image.max()))
        if highest <= 1.0:
            raise ValueError(
                f"`calibration` must hold images with values 0..255; the "
                f"model rescales them itself. Received: images whose largest "
                f"value is {highest:g}"
            )

    def __len__(self):
        return len(self._samples)

    def batches(self, count=None) -> Iterator:
        """Reads the images.

        Args:
            count: How many to read at most, evenly spread over all, or
                `None` for all. Defaults to `None`.

        Yields:
            `float32` arrays `(1, height, width, channels)`.
        """
        samples = self._samples
        if count is not None:
            samples = samples.spread(count)
        for image, _ in samples:
            yield image[None]

    def notes(self) -> tuple[str, ...]:
        """Says that images had another size than the input.

        Returns:
            A sentence, or none.
        """
        return self._samples.notes()

    def proof(self) -> Samples:
        """Chooses the images for the proof where the user gave none.

        Returns:
            Up to 24 of the images, as `Samples`. The notes on all are enough.
        """
        return self._samples.spread(PROOF_IMAGES, told=True)


def random_images(image_shape, count, seed=0) -> list:
    """Draws smooth images that look like nothing, the same every time.

    Args:
        image_shape: `(height, width, channels)`.
        count: Number of images.
        seed: Seed of the generator. Defaults to `0`.

    Returns:
        List of `float32` arrays, values 0..255 without fractions.
    """
    height, width, channels = image_shape
    generator = np.random.default_rng(seed)
    images = []
    for index in range(count):
        # Blobs of different sizes, the last image is all edges.
        cell = max(1, min(height, width) >> (index + 2))
        grid = (max(2, height // cell), max(2, width // cell), channels)
        image = resize_planes(generator.uniform(0, 255, grid), (height, width))
        image += generator.normal(0, 4, image.shape)
        images.append(np.clip(image, 0, 255).round().astype("float32"))
    return images


def _checked_items(items, argument, channels):
    items = as_samples(items, channels=channels)
    sequence = hasattr(items, "__len__") and hasattr(items, "__getitem__")
    if not sequence or isinstance(items, str | dict):
        raise TypeError(
            f"`{argument}` must be None, a dataset or a sequence of images. "
            f"Received: {argument}={items!r} (of type {type(items).__name__})"
        )
    if not len(items):
        raise ValueError(
            f"`{argument}` must hold at least one image. Received: "
            f"{argument}={items!r} with none"
        )
    return items
