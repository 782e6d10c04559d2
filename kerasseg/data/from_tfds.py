"""Datasets of TensorFlow Datasets."""

import dataclasses
import difflib
import importlib.util
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasseg.channels import RGB
from kerasseg.channels import check_channel_count
from kerasseg.data.sources import SOURCES
from kerasseg.data.tf_data import IMAGE_KEYS
from kerasseg.data.tf_data import MASK_KEYS
from kerasseg.data.tf_data import TfDataSamples
from kerasseg.data.tf_data import as_ids
from kerasseg.data.tf_data import as_pixels
from kerasseg.data.tf_data import found_key
from kerasseg.label_sets import CITYSCAPES
from kerasseg.label_sets import OXFORD_PETS
from kerasseg.labels import Labels

PREFIX = "tfds:"
# What the ids mean where the features do not say.
KNOWN_LABELS = {"cityscapes": CITYSCAPES, "oxford_iiit_pet": OXFORD_PETS}


class TfdsSamples(Sequence):
    """The samples of one split of a dataset of TensorFlow Datasets.

    Sample `i` is a `uint8` image `(height, width, channels)`, 0 to 255, and its
    mask of class ids `(height, width)`; each is read when it is asked for.

    Args:
        source: Sequence of elements, as `as_data_source` returns it.
        labels: What the ids mean.
        split: Name of the split.
        keys: Keys of the image and the mask in an element.
        channels: Channels of the images. Defaults to 3.
    """

    def __init__(
        self,
        source: Any,
        labels: Labels,
        split: str,
        keys: tuple[str, str],
        channels: int = RGB,
    ) -> None:
        self.channels = check_channel_count("channels", channels)
        self.source = source
        self.labels = labels
        self.split = split
        self.keys = keys

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        index = range(len(self))[index]
        element = self.source[index]
        what = f"The image of sample {index}"
        image = as_pixels(element[self.keys[0]], what, self.channels)
        mask = as_ids(element[self.keys[1]], f"The mask of sample {index}")
        return image, self.labels.encode(mask, source=f"of sample {index}")


def from_tfds(
    name: str,
    split: str = "train",
    labels: Labels | None = None,
    image_key: str | None = None,
    mask_key: str | None = None,
    data_dir: str | os.PathLike | None = None,
    download: bool = False,
    channels: int = RGB,
) -> Any:
    """A dataset of TensorFlow Datasets, as any other dataset of kerasseg.

    TensorFlow is not needed where the dataset was prepared as `array_record`
    and the package `array-record` is installed. Otherwise TensorFlow reads
    it, see `TfDataSamples`.

    Args:
        name: Name of the dataset, with its config and version if there are
            several, such as `"oxford_iiit_pet"` or
            `"cityscapes/semantic_segmentation"`.
        split: Name of the split, or an expression of TensorFlow Datasets
            such as `"train[80%:]"`. Defaults to `"train"`.
        labels: What the ids in its masks mean. Defaults to the names in the
            features, or what is known of `"oxford_iiit_pet"` (pet and
            background; the outline is void) and `"cityscapes"`.
        image_key: Key of the image. Defaults to the usual one that is there.
        mask_key: Key of the mask. Defaults to the usual one that is there.
        data_dir: Folder of the prepared datasets. Defaults to that of
            TensorFlow Datasets: `TFDS_DATA_DIR`, else
            `~/tensorflow_datasets`.
        download: Whether to download and prepare the dataset if that was not
            done. Defaults to `False`.
        channels: Integer from 1 to 16. Channels of the images, see
            `TfDataSamples`. Defaults to 3.

    Returns:
        The samples; a sequence of `(image, mask)` with `labels`.

    Raises:
        ValueError: If there is no such dataset or split, it is not prepared,
            or its keys or labels are not known.
        ImportError: If TensorFlow Datasets is not installed.

    Example:

    >>> pets = from_tfds("oxford_iiit_pet", "train")
    >>> image, mask = pets[0]
    """
    builder = _builder(name, data_dir)
    features = builder.info.features
    keys = (
        _key(features, image_key, IMAGE_KEYS, "image_key"),
        _key(features, mask_key, MASK_KEYS, "mask_key"),
    )
    labels = labels or _labels(builder.name, features[keys[1]])
    if not builder.is_prepared():
        if not download:
            raise ValueError(_how_to_prepare(name, builder))
        _prepare(name, builder)
    _check_split(split, builder)
    if _has_random_access(builder):
        source = builder.as_data_source(split=split)
        return TfdsSamples(source, labels, split, keys, channels)
    data = builder.as_dataset(split=split, shuffle_files=False)
    data = data.map(lambda element: (element[keys[0]], element[keys[1]]))
    return TfDataSamples(data, labels, channels)


def tfds_splits(
    name: str, labels: Labels | None = None, channels: int = RGB
) -> dict[str, Any]:
    """All splits of a dataset of TensorFlow Datasets.

    Args:
        name: Name of the dataset.
        labels: What the ids mean, see `from_tfds`. Defaults to `None`.
        channels: Channels of the images, see `from_tfds`. Defaults to 3.

    Returns:
        The samples of each split by its name.

    Raises:
        ValueError: If it cannot be read, see `from_tfds`.
    """
    builder = _builder(name, None)
    if not builder.is_prepared():
        raise ValueError(_how_to_prepare(name, builder))
    splits = builder.info.splits
    return {
        split: from_tfds(name, split, labels, channels=channels)
        for split in splits
    }


def _builder(name, data_dir):
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise ImportError(
            "Datasets of TensorFlow Datasets need the package "
            'tensorflow-datasets: pip install "kerasseg[tfds]"'
        ) from error
    # Without TensorFlow, datasets can be read and not built.
    if hasattr(tfds, "core"):
        from kerasseg.data import tfds as own  # noqa: F401

    try:
        return tfds.builder(name, data_dir=data_dir)
    # A version or config that is not there is an AssertionError or ValueError.
    except (ValueError, AssertionError, RuntimeError) as error:
        known = tfds.list_builders()
        if name.partition("/")[0].partition(":")[0] in known:
            raise ValueError(
                f"`name` must be a dataset that can be built: {error} "
                f"Received: name={name!r}"
            ) from error
        close = difflib.get_close_matches(name.partition("/")[0], known)
        hint = f" Did you mean {', '.join(close)}?" if close else ""
        raise ValueError(
            f"`name` must be a dataset of TensorFlow Datasets.{hint} "
            f"Received: name={name!r}"
        ) from error


def _key(features, key, usual, argument):
    if key is None:
        return found_key(_images(features), usual, argument)
    if key not in features:
        raise ValueError(
            f"`{argument}` must be one of {', '.join(features)}. "
            f"Received: {argument}={key!r}"
        )
    return key


def _images(features):
    """The features that have a height and a width."""
    shapes = {key: getattr(f, "shape", None) for key, f in features.items()}
    return [
        key
        for key, shape in shapes.items()
        if isinstance(shape, tuple) and len(shape) in (2, 3)
    ]


def _labels(name, feature):
    if name in KNOWN_LABELS:
        return KNOWN_LABELS[name]
    names = tuple(getattr(feature, "names", None) or ())
    if not names:
        raise ValueError(
            f"`labels` must be given: the features of {name!r} do not name the "
            "classes of its masks. Received: labels=None"
        )
    own = SOURCES[name].labels if name in SOURCES else None
    if own is not None and own.class_names == names:
        return dataclasses.replace(own, id_map=())
    return Labels(names)


def _check_split(split, builder):
    # What TensorFlow Datasets says of an unknown one has no list of them.
    known = list(builder.info.splits)
    if str(split).isidentifier() and split not in known:
        raise ValueError(
            f"`split` must be one of {', '.join(known)}, or an expression of "
            f"them. Received: split={split!r}"
        )


def _has_random_access(builder):
    formats = {kind.value for kind in builder.info.available_file_formats()}
    found = importlib.util.find_spec("array_record") is not None
    return found and "array_record" in formats


def _prepare(name, builder):
    import tensorflow_datasets as tfds

    found = importlib.util.find_spec("array_record") is not None
    try:
        builder.download_and_prepare(
            file_format="array_record" if found else None
        )
    except (OSError, tfds.download.DownloadError) as error:
        raise ValueError(
            f"{name!r} cannot be downloaded: {str(error).rstrip('.')}. "
            f"{_how_to_prepare(name, builder)}"
        ) from error


def _how_to_prepare(name, builder):
    return (
        f"{name!r} is not prepared in {builder.data_dir}. Run `tfds build "
        f"{name} --file_format=array_record` once, or pass `download=True`. "
        "Without a network, do so on a machine that has one, and copy the "
        f"folder {builder.name} from its ~/tensorflow_datasets to that of this "
        "machine, or to the folder that TFDS_DATA_DIR or `data_dir` names."
    )
