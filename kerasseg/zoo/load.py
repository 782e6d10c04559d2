"""Models of the zoo by name."""

import copy
import difflib
import logging
import operator
from pathlib import Path

import keras

from kerasseg.zoo.entries import ENTRIES
from kerasseg.zoo.entry import Entry
from kerasseg.zoo.fetch import weights_path
from kerasseg.zoo.save import is_saved
from kerasseg.zoo.save import saved_entry
from kerasseg.zoo.save import saved_model
from kerasseg.zoo.save import saved_weights
from kerasseg.zoo.weights import class_dependent_names
from kerasseg.zoo.weights import read_weights

_logger = logging.getLogger(__name__)


def names() -> list[str]:
    """Returns the names of the published models.

    Returns:
        List of names, from the coarsest to the finest of each family.
    """
    return list(ENTRIES)


def info(name: str | Path) -> Entry:
    """Returns what is known about a model, without building it.

    Args:
        name: Name of an entry, or a folder that `kerasseg.zoo.save` wrote. An
            entry wins over a folder of the same name; write `./name` for the
            folder.

    Returns:
        An `Entry`.

    Raises:
        ValueError: If the name is unknown. The message has the closest match
            and all names.
    """
    if name in ENTRIES:
        return copy.deepcopy(ENTRIES[name])
    if is_saved(name):
        return saved_entry(name)
    if Path(name).is_dir():
        raise ValueError(
            "`name` must be an entry or a folder written by "
            f"`kerasseg.zoo.save`. Received: name='{name}', a folder without "
            "entry.json"
        )
    close = difflib.get_close_matches(str(name), ENTRIES, n=1, cutoff=0.5)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ValueError(
        "`name` must be an entry or a folder written by `kerasseg.zoo.save`. "
        f"Received: name='{name}'.{hint} Entries: {', '.join(ENTRIES)}"
    )


def build(
    name: str | Path,
    num_classes: int | None = None,
    image_shape: tuple[int | None, int | None, int] | None = None,
) -> keras.Model:
    """Builds the architecture of a model, with random weights.

    Args:
        name: Name of an entry, or a folder that `kerasseg.zoo.save` wrote.
        num_classes: Number of classes, at least 2. Defaults to `None`, the
            number that the entry has. A saved folder has a fixed number.
        image_shape: `(height, width, channels)` of the images. Defaults to
            `None`: any size for an entry, the saved shape for a folder.

    Returns:
        A `keras.Model` from images, 0..255 RGB, to logits `(batch, height,
        width, num_classes)`.

    Raises:
        ValueError: If the name is unknown, or `num_classes` is less than 2.
    """
    entry = info(name)
    num_classes = _checked_num_classes(num_classes, entry)
    if image_shape is not None:
        image_shape = tuple(image_shape)
    if entry.builder == "saved":
        return saved_model(name, image_shape)
    # Here, so that the table can be read without importing the models.
    from kerasseg import backbones
    from kerasseg import models

    arguments = dict(entry.arguments)
    if entry.backbone is not None:
        make_backbone = getattr(backbones, entry.backbone)
        arguments["backbone"] = make_backbone(
            weights=None, **entry.backbone_arguments
        )
    return getattr(models, entry.builder)(
        num_classes=num_classes,
        image_shape=image_shape or (None, None, 3),
        name=entry.name,
        **arguments,
    )


def load(
    name: str | Path,
    num_classes: int | None = None,
    image_shape: tuple[int | None, int | None, int] | None = None,
    weights: str | Path | None = "default",
) -> keras.Model:
    """Loads a model with trained weights.

    With another number of classes than the weights were trained for, the
    trunk is trained and the variables whose shape depends on the classes
    start anew.

    Args:
        name: Name of an entry, or a folder that `kerasseg.zoo.save` wrote.
        num_classes: Number of classes, at least 2. Defaults to `None`, the
            number that the entry has. A saved folder has a fixed number; to
            reuse its trunk, load the entry it began as with the folder as
            `weights`.
        image_shape: `(height, width, channels)` of the images. Defaults to
            `None`: any size for an entry, the saved shape for a folder.
        weights: `"default"` for the weights of the entry, `None` for random
            ones, or the path of a weights file or saved folder. Defaults to
            `"default"`.

    Returns:
        A `keras.Model` from images, 0..255 RGB, to logits `(batch, height,
        width, num_classes)`.

    Raises:
        ValueError: If the name is unknown, `num_classes` is less than 2, or
            there are no trained weights.
        WeightsError: A `ValueError`: if the file is damaged, not the one of
            the entry, or made for another architecture.
        ConnectionError: If the weights have to be downloaded and cannot be.

    Example:

    >>> model = kerasseg.zoo.load("lrr_4x", num_classes=2)
    >>> model.output_shape
    (None, None, None, 2)
    """
    entry = info(name)
    _checked_num_classes(num_classes, entry)
    # Fetched first: what cannot be loaded should not take time to build.
    path = _path(name, entry, weights)
    model = build(name, num_classes, image_shape)
    if path is None:
        return model
    skip = () if num_classes is None else class_dependent_names(model, path)
    read_weights(model, path, allow_extra=entry.subset, skip=skip)
    if skip:
        _logger.info("Not loaded, other number of classes: %s", ", ".join(skip))
    return model


def _path(name, entry, weights):
    if weights is None:
        return None
    if weights != "default":
        return saved_weights(weights) if is_saved(weights) else Path(weights)
    if entry.builder == "saved":
        return saved_weights(name)
    return weights_path(entry)


def _checked_num_classes(num_classes, entry):
    if num_classes is None:
        return entry.num_classes
    try:
        valid = operator.index(num_classes) >= 2
    except TypeError:
        valid = False
    if not valid:
        raise ValueError(
            "`num_classes` must be an integer of 2 or more. "
            f"Received: num_classes={num_classes!r}"
        )
    if entry.builder == "saved" and num_classes != entry.num_classes:
        raise ValueError(
            f"`num_classes` must be {entry.num_classes} or None for the saved "
            f"model {entry.name!r}. Received: num_classes={num_classes}. To "
            "reuse its trunk for other classes, load the entry it began as "
            "with `weights=` this folder."
        )
    return operator.index(num_classes)
