import contextlib
import csv
import dataclasses
import io
import logging
import os
from pathlib import Path

import keras
import numpy as np

from kerasseg.atomic import atomic_file
from kerasseg.data import batches
from kerasseg.losses.labels import ignored_ids
from kerasseg.metrics import MeanIoU
from kerasseg.training.checkpoint import Checkpoint
from kerasseg.training.curves import plot_curves
from kerasseg.training.deep_supervision import DeepSupervision
from kerasseg.training.devices import share
from kerasseg.training.devices import strategy
from kerasseg.training.recipe import Recipe
from kerasseg.training.samples import CheckedSamples
from kerasseg.training.schedules import PolyDecay

logger = logging.getLogger(__name__)

CHECKPOINT = "last.npz"
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

    On several machines, each calls this in a process of its own on the JAX
    backend, after `keras.distribution.initialize(...)` and
    `keras.distribution.set_distribution(...)` with a
    `DataParallel(auto_shard_dataset=False)`: each reads its part of every
    batch, and the first writes the folder, which all must be able to read.

    After each epoch the folder holds the state to go on from
    (`last.npz`), the log (`log.csv`) and the training curve
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
        ValueError: if the folder holds a run that is not to be resumed, a
            mask holds an unknown id, or the devices cannot share a batch.
        TypeError: if a sample has the wrong dtype.
        FloatingPointError: if the loss is no longer a number. The state of
            the last finished epoch is kept.
        RuntimeError: inside of the scope of TensorFlow's
            `MultiWorkerMirroredStrategy`, which fails with Keras 3.
    """
    shared = strategy(devices)
    if epochs is not None:
        recipe = dataclasses.replace(recipe, epochs=epochs)
    _check_batch_size(recipe.batch_size, shared.num_replicas_in_sync)
    output = Path(output)
    if (output / CHECKPOINT).exists() and not resume:
        raise ValueError(
            "`output` must not hold an earlier run when `resume=False`. "
            f"Received: output={str(output)!r}"
        )
    output.mkdir(parents=True, exist_ok=True)
    with _dtype_policy(recipe.precision), shared.scope():
        return _fit(recipe, output, shared.num_replicas_in_sync, verbose)


def _fit(recipe, output, replicas, verbose):
    keras.utils.set_random_seed(recipe.seed)
    train = recipe.train()
    steps = len(train) // recipe.batch_size
    if steps < 1:
        raise ValueError(
            "`train` of the recipe must return enough samples for a batch. "
            f"Received: {len(train)} samples, batch_size={recipe.batch_size}"
        )
    model, trainer = _compile(recipe, steps * recipe.epochs)
    known = model.output_shape[-1], ignored_ids(_ignore_class(recipe))
    train = CheckedSamples(train, *known)
    augmentation = _augmentation(recipe, train)
    held_out = _held_out(recipe, known, replicas)
    part = share()
    validation = _in_order(held_out, recipe.batch_size, replicas, part)
    checkpoint = Checkpoint(output / CHECKPOINT)
    done = checkpoint.restore(trainer)
    if done:
        logger.info("going on after epoch %d of %d", done, recipe.epochs)
    log = keras.callbacks.CSVLogger(output / LOG, append=True)
    writers = []
    if part[0] == 0:
        _forget_unfinished(output / LOG, done)
        writers = [log, checkpoint, _Curves(output, recipe.name)]
    with _clear_errors(checkpoint.path, [train, held_out]):
        try:
            trainer.fit(
                batches(
                    train,
                    recipe.batch_size,
                    augmentation=augmentation,
                    seed=recipe.seed,
                    drop_remainder=True,
                    initial_epoch=done,
                    share=part,
                ),
                validation_data=validation,
                initial_epoch=done,
                epochs=recipe.epochs,
                shuffle=False,
                verbose=verbose,
                callbacks=[_StopOnNaN(), *writers],
            )
        finally:
            # Keras leaves the file open when an error stops the training.
            log.on_train_end()
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
                model.output_shape[-1],
                ignore_class=_ignore_class(recipe),
                name="mean_iou",
            )
        ],
    )
    return model, trainer


def _adamw(total_steps):
    return keras.optimizers.AdamW(PolyDecay(1e-3, total_steps))


def _ignore_class(recipe):
    return getattr(recipe.loss, "ignore_class", 255)


def _check_batch_size(batch_size, replicas):
    if batch_size % replicas:
        raise ValueError(
            f"`batch_size` must be a multiple of the {replicas} devices that "
            f"share a batch. Received: batch_size={batch_size}"
        )


def _augmentation(recipe, train):
    if recipe.augmentation is not None or recipe.batch_size == 1:
        return recipe.augmentation
    sizes = sorted(train.sizes())
    if len(sizes) > 1:
        raise ValueError(
            "`augmentation` must crop where images differ in size; or use "
            f"`batch_size=1`. Received: augmentation=None, sizes {sizes}"
        )
    return _AsItIs(sizes[0])


@dataclasses.dataclass(frozen=True)
class _AsItIs:
    """Leaves samples alone and says how large they are.

    The batches then have a known size, which some losses need.
    """

    crop_size: tuple[int, int]

    def __call__(self, image, mask, rng):
        return image, mask


def _held_out(recipe, known, replicas):
    """Samples for validation, as many for each replica."""
    if recipe.validation is None:
        return None
    samples = CheckedSamples(recipe.validation(), *known, multiple_of=replicas)
    if samples.left_out:
        logger.warning(
            "%d devices leave out the last %d of %d images of the validation",
            replicas,
            samples.left_out,
            len(samples) + samples.left_out,
        )
    return samples


def _in_order(samples, batch_size, replicas, part):
    """Batches for validation."""
    if samples is None:
        return None
    sizes = sorted(samples.sizes())
    if len(sizes) > 1 and replicas > 1:
        raise ValueError(
            "`validation` must return images of one size when several "
            f"devices share a batch. Received: sizes {sizes}"
        )
    if len(sizes) > 1:
        batch_size = 1
    return batches(samples, batch_size, shuffle=False, share=part)


def _forget_unfinished(log, done):
    """Drops the epochs that a resumed run is going to repeat."""
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


@contextlib.contextmanager
def _clear_errors(checkpoint, datasets):
    """Says what went wrong with the numbers or inside of the input."""
    try:
        yield
    except FloatingPointError as error:
        kept = checkpoint if checkpoint.exists() else "nothing"
        raise FloatingPointError(
            f"{error} Try a lower learning rate, gradient clipping or "
            f'`precision="float32"`. Kept: {kept}'
        ) from error
    except Exception as error:
        for samples in datasets:
            if samples is not None and samples.error is not None:
                raise samples.error from error
        raise


class _StopOnNaN(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if not np.isfinite(float(logs["loss"])):
            raise FloatingPointError("The loss is no longer a number.")


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
