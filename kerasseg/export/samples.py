"""The images that a proof runs on."""

import os
from collections.abc import Iterator

import numpy as np

DEFAULT_COUNT = 4


class Samples:
    """Images of one size, with masks where there are any.

    Args:
        shape: `(1, height, width, channels)` of the exported input. Images
            of another size are resized to it.
        verify_on: `None` for seeded random images; or a data set or sequence
            of `image`, `(image, mask)` or paths of images. An image is
            an array `(height, width, channels)`, values 0..255; a mask an
            array `(height, width)` of class ids. Defaults to `None`.
    """

    def __init__(self, shape, verify_on=None):
        self.size = tuple(shape[1:3])
        self.channels = shape[3]
        if verify_on is None:
            self._items = random_images(shape[1:], DEFAULT_COUNT)
            self.description = "seeded random images"
        else:
            self._items = _checked_items(verify_on)
            self.description = f"{type(verify_on).__name__} of the user"

    def __len__(self):
        return len(self._items)

    def __iter__(self) -> Iterator:
        for index in range(len(self._items)):
            item = self._items[index]
            image, mask = item if isinstance(item, tuple) else (item, None)
            if isinstance(image, str | os.PathLike):
                from kerasseg.data.image import read_image

                image = read_image(image)
            yield self._image(np.asarray(image), index), _mask(mask)

    def _image(self, image, index):
        if image.ndim != 3 or image.shape[-1] != self.channels:
            raise ValueError(
                f"`verify_on` must hold images of shape (height, width, "
                f"{self.channels}). Received: image {index} of shape "
                f"{image.shape}"
            )
        image = image.astype("float32")
        if image.shape[:2] != self.size:
            image = resize(image, self.size)
        return image


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


def _checked_items(verify_on):
    sequence = hasattr(verify_on, "__len__") and hasattr(
        verify_on, "__getitem__"
    )
    if not sequence or isinstance(verify_on, str | dict):
        raise TypeError(
            f"`verify_on` must be None, a data set or a sequence of images. "
            f"Received: verify_on={verify_on!r} (of type "
            f"{type(verify_on).__name__})"
        )
    if not len(verify_on):
        raise ValueError(
            f"`verify_on` must hold at least one image. Received: "
            f"verify_on={verify_on!r} with none"
        )
    return verify_on
