"""Models of the zoo by name."""

import logging
from pathlib import Path

import keras

from kerasseg.arguments import check_integer
from kerasseg.channels import RGB
from kerasseg.channels import check_image_shape
from kerasseg.zoo.architecture import read_architecture
from kerasseg.zoo.architecture import rebuild
from kerasseg.zoo.catalog import info
from kerasseg.zoo.entry import Entry
from kerasseg.zoo.fetch import weights_path
from kerasseg.zoo.hub_name import hub_name
from kerasseg.zoo.hub_name import is_hub_name
from kerasseg.zoo.hugging_face import fetched_folder
from kerasseg.zoo.record import check_file
from kerasseg.zoo.record import with_record
from kerasseg.zoo.tensors import TensorFile
from kerasseg.zoo.weights import class_dependent_names
from kerasseg.zoo.weights import read_weights

_logger = logging.getLogger(__name__)


def build(
    name: str | Path,
    num_classes: int | None = None,
    image_shape: tuple[int | None, int | None, int] | None = None,
) -> keras.Model:
    """Builds the architecture of a model, with random weights.

    Args:
        name: Name of an entry, a folder that `kerasseg.zoo.save` wrote, or
            `"hf://USER/NAME"`, a model on Hugging Face.
        num_classes: Number of classes, at least 2. Defaults to `None`, the
            number that the entry has. A saved folder has a fixed number.
        image_shape: `(height, width, channels)` of the images, 1 to 16
            channels; a saved folder has a fixed number of them. Defaults to
            `None`: RGB of any size for an entry, the saved shape for a folder.

    Returns:
        A `keras.Model` from images in 0..255 to logits `(batch, height,
        width, num_classes)`.

    Raises:
        ValueError: If the name is unknown, `num_classes` is less than 2, or
            `image_shape` is out of its range.
    """
    entry = info(name)
    num_classes = _checked_num_classes(num_classes, entry)
    image_shape = _checked_image_shape(image_shape, entry)
    if entry.builder == "saved":
        folder = _folder(entry.origin or name)
        return with_record(
            folder, lambda record: _saved_model(folder, record, image_shape)
        )
    return build_entry(entry, num_classes, image_shape)


def build_entry(
    entry: Entry,
    num_classes: int | None = None,
    image_shape: tuple[int | None, int | None, int] | None = None,
) -> keras.Model:
    """Builds the architecture that a record describes, with random weights.

    Args:
        entry: The record, which need not be in the table.
        num_classes: Number of classes. Defaults to `None`, that of the record.
        image_shape: `(height, width, channels)` of the images. Defaults to
            `None`: RGB of any size.

    Returns:
        A `keras.Model` as `build` returns it.
    """
    # Here, so that the table can be read without importing the models.
    from kerasseg import backbones
    from kerasseg import models

    image_shape = image_shape or (None, None, RGB)
    any_size = (None, None, image_shape[2])
    arguments = dict(entry.arguments)
    if entry.backbone is not None:
        make_backbone = getattr(backbones, entry.backbone)
        shape = {} if image_shape[2] == RGB else {"image_shape": any_size}
        arguments["backbone"] = make_backbone(
            weights=None, **shape, **entry.backbone_arguments
        )
    return getattr(models, entry.builder)(
        num_classes=num_classes or entry.num_classes,
        image_shape=image_shape,
        name=entry.name,
        **arguments,
    )


def load(
    name: str | Path,
    num_classes: int | None = None,
    image_shape: tuple[int | None, int | None, int] | None = None,
    weights: str | Path | None = "default",
    revision: str | None = None,
    mirror: str | None = None,
) -> keras.Model:
    """Loads a model with trained weights.

    With another number of classes than the weights were trained for, the
    backbone is trained and the variables whose shape depends on the classes
    start anew. For other channels than RGB, the kernels that read the image
    are adapted as in `kerasseg.backbones.with_channels`.

    Of a model on Hugging Face, the record and the two files that it names are
    fetched into the cache of `huggingface_hub`, once for each commit, and
    compared with the hashes in the record. No code of the repository is run.

    Args:
        name: Name of an entry, a folder that `kerasseg.zoo.save` wrote, or
            `"hf://USER/NAME"`, a model on Hugging Face.
        num_classes: Number of classes, at least 2. Defaults to `None`, the
            number that the entry has. A saved folder has a fixed number; to
            reuse its backbone, load the entry it began as with the folder as
            `weights`; likewise for other channels.
        image_shape: `(height, width, channels)` of the images, 1 to 16
            channels; a saved folder has a fixed number of them. Defaults to
            `None`: RGB of any size for an entry, the saved shape for a folder.
        weights: `"default"` for the weights of the entry, `None` for random
            ones, or the path of a weights file or saved folder, or
            `"hf://USER/NAME"`. Defaults to `"default"`.
        revision: Branch, tag or commit of a model on Hugging Face, which
            `"hf://USER/NAME@REVISION"` may name too. Defaults to `None`:
            `"main"`.
        mirror: URL of a folder from which the weights of an entry are fetched
            that are not in the package, see `kerasseg.zoo.weights_path`.
            Defaults to `None`: that of the environment variable
            `KERASSEG_MIRROR`, if any.

    Returns:
        A `keras.Model` from images in 0..255 to logits `(batch, height,
        width, num_classes)`.

    Raises:
        ValueError: If the name is unknown, `num_classes` is less than 2,
            `image_shape` is out of its range, or there are no trained
            weights.
        WeightsError: A `ValueError`: if the file is damaged, not the one of
            the entry, or made for another architecture.
        ConnectionError: If the weights have to be downloaded and cannot be.
        PermissionError: If Hugging Face lets nobody in but others.
        ImportError: If `huggingface_hub` is missing, for a model there.

    Example:

    >>> model = kerasseg.zoo.load("lrr_4x", num_classes=2)
    >>> model.output_shape
    (None, None, None, 2)
    """
    entry = info(name, revision)
    # The same commit from here on, whatever is pushed meanwhile.
    name = entry.origin or name
    _checked_num_classes(num_classes, entry)
    image_shape = _checked_image_shape(image_shape, entry)
    if entry.builder == "saved" and weights == "default":
        return _load_saved(_folder(name), image_shape)
    # Fetched first: what cannot be loaded should not take time to build.
    if weights == "default":
        path = weights_path(entry, mirror)
    else:
        path = _local(weights)
    model = build(name, num_classes, image_shape)
    if path is None:
        return model
    skip = () if num_classes is None else class_dependent_names(model, path)
    read_weights(
        model, path, allow_extra=entry.subset, skip=skip, adapt_channels=True
    )
    if skip:
        _logger.info("Not loaded, other number of classes: %s", ", ".join(skip))
    return model


def _folder(name):
    """The folder of a saved model, fetched if it is on Hugging Face."""
    return fetched_folder(hub_name(name)) if is_hub_name(name) else Path(name)


def _local(weights):
    return _folder(weights) if is_hub_name(weights) else weights


def _load_saved(folder, image_shape):
    def load_both(record):
        weights = folder / record.weights
        check_file(weights, record.weights_sha256)
        model = _saved_model(folder, record, image_shape)
        read_weights(model, weights)
        return model

    return with_record(folder, load_both)


def _saved_model(folder, record, image_shape):
    architecture = folder / record.architecture
    check_file(architecture, record.architecture_sha256)
    with TensorFile(folder / record.weights) as stored:
        shapes = stored.shapes
    return rebuild(
        read_architecture(architecture),
        image_shape,
        shapes,
        record.labels.num_classes,
    )


def _checked_image_shape(image_shape, entry):
    if image_shape is None:
        return None
    image_shape = check_image_shape(image_shape)
    saved = entry.image_shape[2]
    if entry.builder == "saved" and image_shape[2] != saved:
        raise ValueError(
            f"`image_shape` must have the {saved} channels of the saved model "
            f"{entry.name!r}. Received: {image_shape=}. To reuse its weights "
            "for other channels, load the entry it began as with `weights=` "
            "this folder."
        )
    return image_shape


def _checked_num_classes(num_classes, entry):
    if num_classes is None:
        return entry.num_classes
    num_classes = check_integer("num_classes", num_classes, 2)
    if entry.builder == "saved" and num_classes != entry.num_classes:
        raise ValueError(
            f"`num_classes` must be {entry.num_classes} or None for the saved "
            f"model {entry.name!r}. Received: num_classes={num_classes}. To "
            "reuse its backbone for other classes, load the entry it began as "
            "with `weights=` this folder."
        )
    return num_classes
