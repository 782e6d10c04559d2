"""Callbacks that keep the log, the curve and the epoch of a training."""

import contextlib
import csv
import io
from pathlib import Path

import keras
import numpy as np

from kerasseg.files import atomic_file
from kerasseg.training.checkpoint import finite_state
from kerasseg.training.curves import plot_curves


class Epoch(keras.callbacks.Callback):
    """Tells batches their epoch, also where Keras looks at them ahead of it.

    Args:
        number: The epoch to begin with, counted from 0.
    """

    def __init__(self, number):
        super().__init__()
        self.number = number

    def on_epoch_begin(self, epoch, logs=None):
        self.number = epoch


class StopOnNaN(keras.callbacks.Callback):
    """Ends a training whose loss, or what an epoch leaves, is not finite.

    Called before what writes an epoch: NaN logits all have class 0 as their
    largest, which can score higher than the epoch before.
    """

    def on_train_batch_end(self, batch, logs=None):
        if not np.isfinite(float(logs["loss"])):
            raise FloatingPointError("The loss is NaN or infinite.")

    def on_epoch_end(self, epoch, logs=None):
        if not np.isfinite(float(logs.get("val_loss", 0))):
            raise FloatingPointError("`val_loss` is NaN or infinite.")
        # The last step of an epoch can ruin weights after a finite loss.
        finite_state(self.model)


class Curves(keras.callbacks.Callback):
    """Redraws the training curves where matplotlib is installed.

    Args:
        log: CSV file of `keras.callbacks.CSVLogger`.
        path: PNG file to write.
        title: Heading.
    """

    def __init__(self, log, path, title):
        super().__init__()
        self.log = log
        self.path = path
        self.title = title

    def on_epoch_end(self, epoch, logs=None):
        with contextlib.suppress(ImportError):
            plot_curves(self.log, self.path, title=self.title)


def forget_unfinished(log: Path, done: int) -> None:
    """Drops the epochs that a resumed run is going to repeat.

    Args:
        log: CSV file of `keras.callbacks.CSVLogger`, which need not exist.
        done: Number of finished epochs.
    """
    if not log.exists():
        return
    with log.open(encoding="utf-8", newline="") as file:
        header, *rows = list(csv.reader(file)) or [[]]
    rows = [r for r in rows if r and r[0].isdigit() and int(r[0]) < done]
    if not rows:
        log.unlink()
        return
    text = io.StringIO(newline="")
    csv.writer(text).writerows([header, *rows])
    with atomic_file(log) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8", newline="")
