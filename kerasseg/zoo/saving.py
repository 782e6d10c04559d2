"""Folders that hold one saved model with everything needed to load it."""

import contextlib
import json
import math
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from kerasseg.arguments import check_channels
from kerasseg.files import TOKEN
from kerasseg.files import atomic_file
from kerasseg.files import atomic_json
from kerasseg.files import no_empty_folder
from kerasseg.files import sha256
from kerasseg.labels import Labels
from kerasseg.labels import default_palette
from kerasseg.locks import lock
from kerasseg.zoo.architecture import architecture_of
from kerasseg.zoo.architecture import output_shape
from kerasseg.zoo.card import CARD
from kerasseg.zoo.card import card
from kerasseg.zoo.card import is_ours
from kerasseg.zoo.errors import WeightsError
from kerasseg.zoo.record import RECORD
from kerasseg.zoo.record import Record
from kerasseg.zoo.record import checked_facts
from kerasseg.zoo.record import checked_labels
from kerasseg.zoo.record import checked_record
from kerasseg.zoo.record import is_saved
from kerasseg.zoo.record import read_record
from kerasseg.zoo.variables import without_scopes
from kerasseg.zoo.weights import write_weights

_LOCK = ".saving"
# Files of a save, and what a save that was killed leaves of them.
_OURS = re.compile(
    r"model-[0-9a-f]{12}\.(json|safetensors)"
    rf"|\.(model-[0-9a-f]{{12}}|entry)\.{TOKEN}\.(json|safetensors)"
    rf"|\.README\.{TOKEN}\.md"
)


def save(
    model: keras.Model,
    folder: str | Path,
    labels: Labels | None = None,
    dtype: str = "float32",
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Saves a model to a folder that `kerasseg.zoo.load` accepts as a name.

    The folder holds the architecture, the weights, and `entry.json`, which
    names both with their hashes and is written last: a folder that is saved
    to again holds the old model or the new one, never a mixture, and can be
    loaded at any moment. Nothing is pickled. The model is rebuilt from its own
    architecture before anything is written, so what cannot be loaded is not
    saved. What a killed save left in the folder is deleted.

    A model card, `README.md`, in the form of Hugging Face lies beside them. It
    is written anew by each save until its line that says so is deleted.

    Args:
        model: A functional `keras.Model`, or a `keras.Sequential` that begins
            with a `keras.Input`, made of Keras and kerasseg layers; from
            images to logits `(batch, height, width, num_classes)`.
        folder: Path of the folder. It is created if missing; other files in
            it are left alone.
        labels: `kerasseg.labels.Labels` with as many classes as the
            model. Defaults to `None`, which names the classes by number.
        dtype: `"float32"`, which keeps every number, or `"float16"`, which
            halves the size. Defaults to `"float32"`.
        facts: What is known about the model, for its record and its card:
            texts by the names `"title"`, `"license_weights"` (`"apache-2.0"`),
            `"license_data"`, `"dataset"`, `"provenance"` and `"paper"`, and
            `"scores"`, fractions from 0 to 1 by name
            (`{"mean_iou": 0.655}`). Defaults to `None`.

    Raises:
        ValueError: If the model cannot be rebuilt from its architecture,
            `labels` has another number of classes, or one of the `facts` is
            unknown.
        OSError: If the folder cannot be written. A model that was saved there
            before is still there.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise ValueError(
            f"`folder` must be a folder. Received: folder='{folder}', a file"
        )
    facts = checked_facts(facts)
    model = without_scopes(model)
    text, labels = check_savable(model, labels)
    with no_empty_folder(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with lock(folder / _LOCK) as alone:
            if alone:
                _clean(folder)
            _write(model, folder, labels, dtype, text, facts)
            if alone:
                _clean(folder)


def check_savable(
    model: keras.Model, labels: Labels | None
) -> tuple[str, Labels]:
    """Checks all that can be known before a model is saved.

    Args:
        model: A `keras.Model`.
        labels: `kerasseg.labels.Labels`, or `None` for numbered classes.

    Returns:
        The architecture as JSON, and the labels.

    Raises:
        ValueError: If the model cannot be rebuilt from its architecture or
            has more than one output, or the labels have another number of
            classes.
    """
    text = architecture_of(without_scopes(model))
    shape = output_shape(model)
    if len(shape) != 4:
        raise ValueError(
            "`model` must have one output of logits (batch, height, width, "
            f"num_classes). Received: outputs of shape {model.output_shape}"
        )
    check_channels("model", shape)
    if labels is None:
        labels = Labels(
            class_names=tuple(f"class_{i}" for i in range(shape[-1])),
            palette=default_palette(shape[-1]),
        )
    if labels.num_classes != shape[-1]:
        raise ValueError(
            f"`labels` must have the {shape[-1]} classes of the model. "
            f"Received: labels with {labels.num_classes} classes"
        )
    # Names that a terminal would obey, for instance, are not read again.
    return text, checked_labels(labels.to_json(), Path(RECORD))


def _write(model, folder, labels, dtype, text, facts):
    # A save has file names of its own, so that the files of the one before
    # stay valid until the record is replaced.
    token = secrets.token_hex(6)
    architecture = folder / f"model-{token}.json"
    weights = folder / f"model-{token}.safetensors"
    useless = [architecture, weights]
    try:
        with atomic_file(architecture) as temporary:
            temporary.write_text(text, encoding="utf-8")
        write_weights(model, weights, dtype)
        values = {"title": f"Saved model {model.name!r}", **facts}
        record = Record(
            keras_version=keras.__version__,
            architecture=architecture.name,
            architecture_sha256=sha256(architecture),
            weights=weights.name,
            weights_sha256=sha256(weights),
            image_shape=tuple(model.input_shape[1:]),
            parameters=sum(
                math.prod(v.shape) for v in model.trainable_variables
            ),
            labels=labels,
            **values,
        )
        with _card_of(record, folder):
            _write_record(folder, record)
            useless.clear()
    except BaseException:
        for path in useless:
            path.unlink(missing_ok=True)
        raise


def _write_record(folder, record):
    values = record.to_json()
    checked_record(json.loads(json.dumps(values)), folder / RECORD)
    atomic_json(folder / RECORD, values)


@contextlib.contextmanager
def _card_of(record, folder):
    """Writes the card, and puts it in its place after the record."""
    path = folder / CARD
    if not is_ours(path):
        yield
        return
    with atomic_file(path) as temporary:
        temporary.write_text(card(record), encoding="utf-8")
        yield


def _clean(folder):
    """Deletes files of saves that are not those of the record.

    Only while the folder is locked: then no other save is under way, and they
    are of one that was killed or has been replaced.
    """
    kept = set()
    if is_saved(folder):
        try:
            record = read_record(folder)
        except WeightsError:
            return
        kept = {record.architecture, record.weights}
    for path in folder.iterdir():
        if path.name not in kept and _OURS.fullmatch(path.name):
            # Windows deletes no file that a reader has open: next time.
            with contextlib.suppress(OSError):
                path.unlink()
