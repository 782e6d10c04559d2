"""Samples of a `tf.data.Dataset`, wherever a sequence is needed."""

import contextlib
import sys
import tempfile
import threading
import weakref
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasseg.channels import RGB
from kerasseg.channels import check_channel_count
from kerasseg.data.bands import fitted
from kerasseg.labels import Labels

IMAGE_KEYS = ("image", "images", "image_left", "img")
MASK_KEYS = (
    "segmentation_mask",
    "segmentation_label",
    "mask",
    "annotation",
    "label",
    "labels",
    "segmentation",
)

_INFINITE, _UNKNOWN = -1, -2


def as_samples(
    dataset: Any, read: bool = False, channels: int | None = RGB
) -> Any:
    """A dataset as a sequence.

    Args:
        dataset: A `tf.data.Dataset`, or any other dataset.
        read: Whether to read a `tf.data.Dataset` now. Defaults to `False`:
            as far as samples are asked for.
        channels: Channels of the images of a `tf.data.Dataset`, see
            `TfDataSamples`; `None` counts as 3. Defaults to 3.

    Returns:
        `TfDataSamples` of a `tf.data.Dataset`; anything else as it is.
    """
    # Who has such a dataset has imported TensorFlow.
    tf = sys.modules.get("tensorflow")
    known = getattr(getattr(tf, "data", None), "Dataset", ())
    if not isinstance(dataset, known):
        return dataset
    samples = TfDataSamples(dataset, channels=channels or RGB)
    return samples.read() if read else samples


class TfDataSamples(Sequence):
    """The samples of a `tf.data.Dataset`, one by one, in any order.

    An element is `(image, mask)`, a dict with one of the usual keys for each,
    or an image alone; or a batch of such. The dataset is read once, in order,
    as far as samples are asked for, and each sample is kept in a temporary
    file. So its order stays that of the first reading, however it shuffles,
    and what is trained on depends on indices alone. Memory holds no more than
    one sample.

    Sample `i` is a `uint8` image `(height, width, channels)`, 0 to 255, and
    its mask of integers `(height, width)`; of images alone, it is the image.

    Args:
        dataset: A finite `tf.data.Dataset`.
        labels: What the ids in its masks mean, which are then checked.
            Defaults to `None`: unknown, the masks are taken as they are.
        channels: Integer from 1 to 16. Channels of the images; gray ones
            become RGB, and RGB ones whose channels are all the same gray.
            Defaults to 3.

    Raises:
        ValueError: If it is infinite, or has none of the keys.
    """

    def __init__(
        self, dataset: Any, labels: Labels | None = None, channels: int = RGB
    ) -> None:
        self.labels = labels
        self.channels = check_channel_count("channels", channels)
        self._pick, ranks = _picker(dataset.element_spec)
        if ranks[0] == 4:
            dataset = dataset.unbatch()
        self._size = int(dataset.cardinality())
        if self._size == _INFINITE:
            raise ValueError(
                "`dataset` must be finite; `dataset.take(count)` makes it so. "
                "Received: an infinite tf.data.Dataset"
            )
        self._stream = dataset.as_numpy_iterator()
        self._file = tempfile.TemporaryFile(  # noqa: SIM115
            prefix="kerasseg-"
        )
        weakref.finalize(self, self._file.close)
        self._places = []
        self._lock = threading.Lock()

    def __len__(self) -> int:
        if self._size == _UNKNOWN:
            self.read()
        return self._size

    def read(self) -> "TfDataSamples":
        """Reads all that was not read yet.

        Returns:
            This object.
        """
        with self._lock:
            while self._read_one():
                pass
            self._size = len(self._places)
        return self

    def __getitem__(self, index: int) -> Any:
        index = int(index)
        index += len(self) if index < 0 else 0
        if index < 0:
            raise IndexError("The index of a sample is out of range.")
        with self._lock:
            while len(self._places) <= index:
                if not self._read_one():
                    raise IndexError("The index of a sample is out of range.")
            arrays = [self._load(*place) for place in self._places[index]]
        return arrays[0] if len(arrays) == 1 else tuple(arrays)

    def _read_one(self):
        """Moves one sample from the dataset to the file, if there is one."""
        element = next(self._stream, None)
        if element is None:
            return False
        number = len(self._places)
        image, *masks = self._pick(element)
        what = f"The image of element {number}"
        arrays = [as_pixels(image, what, self.channels)]
        for mask in masks:
            ids = as_ids(mask, f"The mask of element {number}")
            if self.labels is not None:
                ids = self.labels.encode(ids, source=f"of element {number}")
            arrays.append(ids)
        self._places.append([self._keep(array) for array in arrays])
        return True

    def _keep(self, array):
        start = self._file.seek(0, 2)
        self._file.write(np.ascontiguousarray(array))
        return start, array.dtype, array.shape

    def _load(self, start, dtype, shape):
        self._file.seek(start)
        data = bytearray(int(np.prod(shape)) * dtype.itemsize)
        self._file.readinto(data)
        return np.frombuffer(data, dtype).reshape(shape)


def as_pixels(image: Any, what: str, channels: int = RGB) -> np.ndarray:
    """An image as every model takes it.

    Args:
        image: Array `(height, width, channels)`, values 0 to 255; fractions,
            as a resized image has them, are rounded. A gray image becomes
            RGB, and an RGB image of gray pixels becomes gray.
        what: What it is, for the message.
        channels: Number of channels. Defaults to 3.

    Returns:
        `uint8` array of shape `(height, width, channels)`.

    Raises:
        ValueError: If it has another shape, or values of another range.
    """
    image = np.asarray(image)
    if image.ndim != 3 or not _can_be(image, channels):
        raise ValueError(
            f"{what} must have the shape (height, width, {channels}). "
            f"Received: {image.shape}"
        )
    if image.dtype != np.uint8:
        _check_range(image, what)
        image = np.rint(image).astype("uint8")
    return fitted(image, channels, what)


def _can_be(image, channels):
    """Whether an image has the channels, or can have them without loss."""
    count = image.shape[-1]
    if (count, channels) == (RGB, 1):
        return bool((image == image[..., :1]).all())
    return count == channels or (count, channels) == (1, RGB)


def _check_range(image, what):
    low, high = image.min(initial=0), image.max(initial=0)
    # Of values from 0 to 1, only the fractions tell that they were scaled.
    scaled = high <= 1 and (image != np.rint(image)).any()
    if not (low >= 0 and high <= 255) or scaled:
        raise ValueError(
            f"{what} must hold values from 0 to 255, since models scale "
            f"pixels themselves. Received: values from {low:g} to {high:g}, "
            f"dtype={image.dtype}"
        )


def as_ids(mask: Any, what: str) -> np.ndarray:
    """A mask of class ids.

    Args:
        mask: Integers `(height, width)`, or with one more axis whose channels
            are all the same.
        what: What it is, for the message.

    Returns:
        Integer array of shape `(height, width)`.

    Raises:
        ValueError: If it has another shape.
        TypeError: If it does not hold integers.
    """
    mask = np.asarray(mask)
    if mask.dtype.kind not in "ui":
        raise TypeError(
            f"{what} must hold integer class ids. Received: dtype={mask.dtype}"
        )
    if mask.ndim == 3 and (mask == mask[..., :1]).all():
        mask = mask[..., 0]
    if mask.ndim != 2:
        raise ValueError(
            f"{what} must have the shape (height, width). "
            f"Received: {mask.shape}"
        )
    return mask


def found_key(keys: Any, usual: Sequence[str], argument: str) -> str:
    """The key of images or masks among those of an element.

    Args:
        keys: Keys that are there.
        usual: Keys that are taken, the first before the others.
        argument: Name of the argument that names the key, for the message.

    Returns:
        The key.

    Raises:
        ValueError: If there is none.
    """
    for key in usual:
        if key in keys:
            return key
    raise ValueError(
        f"`{argument}` must be one of {', '.join(map(str, keys))}. Received: "
        f"none of the usual keys, {', '.join(usual)}"
    )


def _picker(spec):
    """A function from an element to its arrays, and the ranks of these."""
    if isinstance(spec, Mapping):
        with contextlib.suppress(ValueError):
            keys = [found_key(spec, IMAGE_KEYS, "image_key")]
            keys.append(found_key(spec, MASK_KEYS, "mask_key"))
            return (
                lambda element: [element[key] for key in keys],
                [spec[key].shape.rank for key in keys],
            )
        raise ValueError(
            "`dataset` must hold (image, mask), or dicts with one of the keys "
            f"{', '.join(IMAGE_KEYS)} and one of {', '.join(MASK_KEYS)}. "
            f"Received: keys {', '.join(map(str, spec))}"
        )
    if isinstance(spec, tuple) and len(spec) == 2:
        return lambda element: element, [part.shape.rank for part in spec]
    if hasattr(spec, "shape"):
        return lambda element: [element], [spec.shape.rank]
    raise ValueError(
        "`dataset` must hold images, pairs (image, mask) or dicts of these. "
        f"Received: elements {spec!r}"
    )
