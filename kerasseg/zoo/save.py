"""Folders that hold one saved model with everything needed to load it."""

import json
import math
import secrets
from pathlib import Path

import keras

from kerasseg.atomic import atomic_file
from kerasseg.atomic import atomic_json
from kerasseg.data.labels import Labels
from kerasseg.data.labels import default_palette
from kerasseg.zoo.architecture import architecture_of
from kerasseg.zoo.architecture import rebuild
from kerasseg.zoo.entry import Entry
from kerasseg.zoo.fetch import check_sha256
from kerasseg.zoo.fetch import sha256
from kerasseg.zoo.weights import WeightsError
from kerasseg.zoo.weights import write_weights

FORMAT = "kerasseg.model"
FORMAT_VERSION = 1
RECORD = "entry.json"


def save(
    model: keras.Model,
    folder: str | Path,
    labels: Labels | None = None,
    dtype: str = "float32",
) -> None:
    """Saves a model to a folder that `kerasseg.zoo.load` accepts as a name.

    The folder holds the architecture, the weights, and `entry.json`, which
    names both with their hashes and is written last: a folder that is saved
    to again holds the old model or the new one, never a mixture. Nothing is
    pickled. The model is rebuilt from its own architecture before anything is
    written, so what cannot be loaded is not saved.

    Args:
        model: A functional `keras.Model` made of Keras and kerasseg layers,
            from images to logits `(batch, height, width, num_classes)`.
        folder: Path of the folder. It is created if missing; other files in
            it are left alone.
        labels: `kerasseg.data.labels.Labels` with as many classes as the
            model. Defaults to `None`, which names the classes by number.
        dtype: `"float32"`, which keeps every number, or `"float16"`, which
            halves the size. Defaults to `"float32"`.

    Raises:
        ValueError: If the model cannot be rebuilt from its architecture, or
            `labels` has another number of classes.
        OSError: If the folder cannot be written. A model that was saved there
            before is still there.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise ValueError(
            f"`folder` must be a folder. Received: folder='{folder}', a file"
        )
    text = architecture_of(model)
    labels = _checked_labels(model, labels)
    outdated = _files(folder) if is_saved(folder) else []
    # A save has file names of its own, so that the files of the one before
    # stay valid until the record is replaced.
    token = secrets.token_hex(6)
    architecture = folder / f"model-{token}.json"
    weights = folder / f"model-{token}.weights.h5"
    try:
        with atomic_file(architecture) as temporary:
            temporary.write_text(text, encoding="utf-8")
        write_weights(model, weights, dtype)
        record = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "keras_version": keras.__version__,
            "architecture": architecture.name,
            "architecture_sha256": sha256(architecture),
            "entry": _entry(model, folder, weights, labels).to_json(),
        }
        atomic_json(folder / RECORD, record)
    except BaseException:
        architecture.unlink(missing_ok=True)
        weights.unlink(missing_ok=True)
        raise
    for path in outdated:
        path.unlink(missing_ok=True)


def is_saved(folder: str | Path) -> bool:
    """Returns whether a path is a folder that `save` wrote.

    Args:
        folder: Path of the folder.

    Returns:
        `True` if the folder has an `entry.json`.
    """
    return (Path(folder) / RECORD).is_file()


def saved_entry(folder: str | Path) -> Entry:
    """Returns the entry of a folder that `save` wrote.

    Args:
        folder: Path of the folder.

    Returns:
        The `Entry`; its `weights` is a file name in the folder.

    Raises:
        WeightsError: If the record is damaged.
    """
    return _record(Path(folder))[0]


def saved_weights(folder: str | Path) -> Path:
    """Returns the verified weights file of a folder that `save` wrote.

    Args:
        folder: Path of the folder.

    Returns:
        Path of the weights file.

    Raises:
        WeightsError: If the hash of the file is not the recorded one.
    """
    folder = Path(folder)
    entry = saved_entry(folder)
    path = folder / entry.weights
    check_sha256(path, entry.sha256, "Save or copy the model again.")
    return path


def saved_model(
    folder: str | Path,
    image_shape: tuple[int | None, int | None, int] | None = None,
) -> keras.Model:
    """Builds the model of a folder that `save` wrote, with fresh weights.

    Args:
        folder: Path of the folder.
        image_shape: `(height, width, channels)` of the images instead of the
            saved one. Defaults to `None`.

    Returns:
        A `keras.Model`.

    Raises:
        WeightsError: If the architecture is damaged, or names classes that
            belong neither to Keras nor to kerasseg.
    """
    folder = Path(folder)
    _, name, expected = _record(folder)
    check_sha256(folder / name, expected, "Save or copy the model again.")
    return rebuild((folder / name).read_text(encoding="utf-8"), image_shape)


def _entry(model, folder, weights, labels):
    return Entry(
        name=folder.resolve().name,
        title=f"Saved model {model.name!r}",
        builder="saved",
        labels=labels,
        image_shape=tuple(model.input_shape[1:]),
        weights=weights.name,
        sha256=sha256(weights),
        parameters=sum(math.prod(v.shape) for v in model.trainable_variables),
    )


def _checked_labels(model, labels):
    # A dictionary or list of outputs has no shape.
    shape = getattr(model.output, "shape", ())
    if len(shape) != 4:
        raise ValueError(
            "`model` must have one output of logits (batch, height, width, "
            f"num_classes). Received: outputs of shape {model.output_shape}"
        )
    if labels is None:
        return Labels(
            class_names=tuple(f"class_{i}" for i in range(shape[-1])),
            palette=default_palette(shape[-1]),
        )
    if labels.num_classes != shape[-1]:
        raise ValueError(
            f"`labels` must have the {shape[-1]} classes of the model. "
            f"Received: labels with {labels.num_classes} classes"
        )
    return labels


def _record(folder):
    path = folder / RECORD
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if (record["format"], record["format_version"]) != (
            FORMAT,
            FORMAT_VERSION,
        ):
            raise ValueError(f"format {record['format']!r} is not known")
        entry = Entry.from_json(record["entry"])
        names = (str(record["architecture"]), str(entry.weights))
        if any(Path(name).name != name for name in names):
            raise ValueError("a file outside of the folder is named")
        return entry, names[0], str(record["architecture_sha256"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"{path} is damaged or no record of a saved model: {error}. "
            "Save or copy the model again."
        ) from error


def _files(folder):
    try:
        entry, architecture, _ = _record(folder)
    except WeightsError:
        return []
    return [folder / architecture, folder / entry.weights]
