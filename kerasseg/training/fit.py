import contextlib
import dataclasses
import logging
import os
from pathlib import Path

import keras

from kerasseg.data import batches
from kerasseg.metrics import MeanIoU
from kerasseg.training.checkpoint import Checkpoint
from kerasseg.training.curves import plot_curves
from kerasseg.training.deep_supervision import DeepSupervision
from kerasseg.training.recipe import Recipe
from kerasseg.training.schedules import PolyDecay

logger = logging.getLogger(__name__)

CHECKPOINT = "last.weights.h5"
LOG = "log.csv"
CURVES = "curves.png"


def fit(
    recipe: Recipe,
    output: str | os.PathLike,
    epochs: int | None = None,
    resume: bool = True,
    devices: list[str] | None = None,
    verbose: int | str = "auto",
) -> keras.Model:
    """Trains a model by its recipe, on all GPUs of this machine.

    After each epoch the folder holds the state to go on from
    (`last.weights.h5`), the log (`log.csv`) and the training curve
    (`curves.png`). A run that was stopped goes on when it is called again.

    Args:
        recipe: What to train, on what, and how.
        output: Folder of the run, made if it does not exist.
        epochs: Replaces the number of epochs of the recipe; the schedule
            follows. Defaults to the recipe's.
        resume: Whether to go on from a state in the folder; otherwise it
            must not hold one. Defaults to `True`.
        devices: TensorFlow devices to share each batch among, such as
            `["GPU:0", "GPU:1"]`. Defaults to all GPUs if there are several.
        verbose: Progress bar, as in `keras.Model.fit`. Defaults to
            `"auto"`.

    Returns:
        The trained model, without what existed for training alone.

    Raises:
        ValueError: if the folder holds a run that is not to be resumed, or
            a mask holds an unknown id.
        FloatingPointError: if the loss is no longer a number. The state of
            the last finished epoch is kept.
    """
    output = Path(output)
    output.mkdir(parents=True, exist_ok=True)
    checkpoint_path = output / CHECKPOINT
    if checkpoint_path.exists() and not resume:
        raise ValueError(
            "`output` must not hold an earlier run when `resume=False`. "
            f"Received: output={str(output)!r}"
        )
    if epochs is not None:
        recipe = dataclasses.replace(recipe, epochs=epochs)
    with _dtype_policy(recipe.precision), _strategy(devices).scope():
        return _fit(recipe, output, checkpoint_path, verbose)


def _fit(recipe, output, checkpoint_path, verbose):
    keras.utils.set_random_seed(recipe.seed)
    train = recipe.train()
    steps = len(train) // recipe.batch_size
    model, trainer = _compile(recipe, steps * recipe.epochs)
    checkpoint = Checkpoint(checkpoint_path, steps)
    done = checkpoint.restore(trainer)
    if done:
        logger.info("going on after epoch %d of %d", done, recipe.epochs)
    stream = batches(
        train,
        recipe.batch_size,
        augmentation=recipe.augmentation,
        seed=recipe.seed,
        drop_remainder=True,
        initial_epoch=done,
    )
    validation = recipe.validation and batches(
        recipe.validation(), recipe.batch_size, shuffle=False
    )
    if not done:
        (output / LOG).unlink(missing_ok=True)
    try:
        trainer.fit(
            stream,
            validation_data=validation,
            initial_epoch=done,
            epochs=recipe.epochs,
            shuffle=False,
            verbose=verbose,
            callbacks=[
                keras.callbacks.TerminateOnNaN(raise_error=True),
                keras.callbacks.CSVLogger(output / LOG, append=True),
                checkpoint,
                _Curves(output, recipe.name),
            ],
        )
    except RuntimeError as error:
        if "NaN or Inf loss" not in str(error):
            raise
        kept = checkpoint_path if checkpoint_path.exists() else "nothing"
        raise FloatingPointError(
            "The loss is no longer a number. Try a lower learning rate or "
            '`precision="float32"`, and check the masks for unknown ids. '
            f"Kept: {kept}"
        ) from error
    return model


def _compile(recipe, total_steps):
    model = recipe.model()
    trainer = model
    if recipe.heads is not None:
        trainer = DeepSupervision(recipe.heads(model), recipe.head_losses)
    make = recipe.optimizer or _adamw
    trainer.compile(
        make(total_steps),
        recipe.loss,
        metrics=[
            MeanIoU(
                model.output.shape[-1],
                ignore_class=getattr(recipe.loss, "ignore_class", 255),
                name="mean_iou",
            )
        ],
    )
    return model, trainer


def _adamw(total_steps):
    return keras.optimizers.AdamW(PolyDecay(1e-3, total_steps))


class _Curves(keras.callbacks.Callback):
    """Redraws the training curves where matplotlib is installed."""

    def __init__(self, output, title):
        super().__init__()
        self.output = output
        self.title = title

    def on_epoch_end(self, epoch, logs=None):
        with contextlib.suppress(ImportError):
            plot_curves(
                self.output / LOG, self.output / CURVES, title=self.title
            )


@contextlib.contextmanager
def _dtype_policy(name):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _strategy(devices):
    """MirroredStrategy over several devices, else nothing."""
    if keras.backend.backend() != "tensorflow":
        if devices is not None:
            raise ValueError(
                "`devices` must be None on this backend; use "
                "keras.distribution instead. "
                f"Received: devices={devices!r}"
            )
        return _OneDevice()
    import tensorflow as tf

    if devices is None:
        devices = [
            device.name.replace("/device:", "")
            for device in tf.config.list_logical_devices("GPU")
        ]
    if len(devices) < 2:
        return _OneDevice()
    return tf.distribute.MirroredStrategy(devices)


class _OneDevice:
    scope = staticmethod(contextlib.nullcontext)
