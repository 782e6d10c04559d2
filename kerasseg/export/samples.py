"""The images that a proof runs on."""

import copy
import os
from collections.abc import Iterator

import numpy as np

DEFAULT_COUNT = 4


class Samples:
    """Images of one size, with masks where there are any.

    Args:
        shape: `(1, height, width, channels)` of the exported input. Images
            of another size are resized to it.
        items: `None` for seeded random images; or a data set or sequence
            of `image`, `(image, mask)` or paths of images. An image is
            an array `(height, width, channels)`, values 0..255; a mask an
            array `(height, width)` of class ids. Defaults to `None`.
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
            self._items = _checked_items(items, argument)
            kind = (
                "calibration images" if argument == "calibration" else "images"
            )
            self.description = f"{kind} of the user ({type(items).__name__})"
        self._indices = range(len(self._items))

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

    def spread(self, count) -> "Samples":
        """Chooses some of the images, evenly spread over all.

        Args:
            count: How many to choose at most.

        Returns:
            `Samples` of these images.
        """
        chosen = copy.copy(self)
        wanted = min(count, len(self))
        picks = np.linspace(0, len(self) - 1, wanted).round().astype(int)
        chosen._indices = [self._indices[int(pick)] for pick in picks]
        return chosen

    def _read(self, index):
        item = self._items[index]
        image, mask = item if isinstance(item, tuple) else (item, None)
        from_file = isinstance(image, str | os.PathLike)
        if from_file:
            from kerasseg.data.image import read_image

            image = read_image(image)
        image = np.asarray(image)
        channels = self.shape[3]
        if image.ndim != 3 or image.shape[-1] != channels:
            raise ValueError(
                f"`{self._argument}` must hold images of shape (height, "
                f"width, {channels}). Received: image {index} of shape "
                f"{image.shape}"
            )
        size = image.shape[:2]
        image = image.astype("float32")
        if size != self.shape[1:3]:
            image = resize(image, self.shape[1:3])
        return image, _mask(mask), None if from_file else size


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
        image = resize(generator.uniform(0, 255, grid), (height, width))
        image += generator.normal(0, 4, image.shape)
        images.append(np.clip(image, 0, 255).round().astype("float32"))
    return images


def resize(image, size) -> np.ndarray:
    """Resizes an image bilinearly, at half-pixel centres.

    Args:
        image: Array `(height, width, channels)`.
        size: New `(height, width)`.

    Returns:
        `float32` array of the new size.
    """
    from PIL import Image

    planes = [
        Image.fromarray(np.ascontiguousarray(plane)).resize(
            (size[1], size[0]), Image.Resampling.BILINEAR
        )
        for plane in np.moveaxis(image.astype("float32"), -1, 0)
    ]
    return np.stack([np.asarray(plane) for plane in planes], axis=-1)


def _mask(mask):
    if mask is None:
        return None
    mask = np.asarray(mask)
    return mask[..., 0] if mask.ndim == 3 else mask


def _checked_items(items, argument):
    sequence = hasattr(items, "__len__") and hasattr(items, "__getitem__")
    if not sequence or isinstance(items, str | dict):
        raise TypeError(
            f"`{argument}` must be None, a data set or a sequence of images. "
            f"Received: {argument}={items!r} (of type {type(items).__name__})"
        )
    if not len(items):
        raise ValueError(
            f"`{argument}` must hold at least one image. Received: "
            f"{argument}={items!r} with none"
        )
    return items
