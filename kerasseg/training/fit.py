"""Training of a recipe."""

import contextlib
import dataclasses
import logging
import os
from collections.abc import Sequence
from pathlib import Path

import keras

from kerasseg.data import Batches
from kerasseg.data.batches import for_backend
from kerasseg.data.tf_data import as_samples
from kerasseg.files import remove_temporaries
from kerasseg.ids import ignored_ids
from kerasseg.inference.ends import output_shape
from kerasseg.inference.whole_image import channels_of
from kerasseg.locks import lock
from kerasseg.metrics import MeanIoU
from kerasseg.training.averages import ScoreAverages
from kerasseg.training.best import BestWeights
from kerasseg.training.checkpoint import Checkpoint
from kerasseg.training.devices import share
from kerasseg.training.devices import strategy
from kerasseg.training.devices import wait_for_all
from kerasseg.training.failures import clear_errors
from kerasseg.training.freezing import synchronized
from kerasseg.training.mean_over import MeanOver
from kerasseg.training.provenance import describe
from kerasseg.training.recipe import Recipe
from kerasseg.training.refusals import check_accumulation
from kerasseg.training.refusals import check_batch_size
from kerasseg.training.refusals import check_callbacks
from kerasseg.training.refusals import check_keep
from kerasseg.training.refusals import check_labels
from kerasseg.training.refusals import check_start
from kerasseg.training.refusals import check_teacher
from kerasseg.training.report import write_report
from kerasseg.training.samples import CheckedSamples
from kerasseg.training.samples import look_at
from kerasseg.training.schedules import default_optimizer
from kerasseg.training.sources import augmentation_of
from kerasseg.training.sources import held_out_of
from kerasseg.training.sources import in_order
from kerasseg.training.trainer import compiled
from kerasseg.training.trainer import ignore_class
from kerasseg.training.trainer import starting_model
from kerasseg.training.writers import Curves
from kerasseg.training.writers import Epoch
from kerasseg.training.writers import StopOnNaN
from kerasseg.training.writers import forget_unfinished

logger = logging.getLogger(__name__)

CHECKPOINT = "last.npz"
BEST = "best.npz"
LOG = "log.csv"
CURVES = "curves.png"
REPORT = "report.html"
LOCK = ".training"


def fit(
    recipe: Recipe,
    output: str | os.PathLike,
    epochs: int | None = None,
    resume: bool = True,
    devices: list[str] | None = None,
    verbose: int | str = "auto",
    allow_changes: bool = False,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    keep: str = "last",
    report: bool = True,
) -> keras.Model:
    """Trains a model by its recipe, on all GPUs of this machine.

    On several machines, each calls this in a process of its own on the JAX
    backend, after `keras.distribution.initialize(...)` and
    `keras.distribution.set_distribution(...)` with a
    `DataParallel(auto_shard_dataset=False)`: each reads its part of every
    batch, and the first writes the folder, which all must be able to read.
    `kerasseg train --hosts` does all that, and names a host that is lost.

    A quick form of `kerasseg.data.check` looks at the data first, so that no
    hour is lost on masks that say nothing.

    After each epoch the folder holds the state to go on from
    (`last.npz`), the log (`log.csv`) and the training curve
    (`curves.png`), and, with a validation, the weights of the epoch with
    the highest `val_mean_iou` (`best.npz`). At the end, a recipe with
    `labels` and a validation leaves a page of scores and images
    (`report.html`). A run that was stopped goes on when it is called again,
    also one that a callback stopped.

    A callback sees the logs `loss`, `mean_iou`, `val_loss` and
    `val_mean_iou`, and as its model what is trained: the model of the recipe
    or, with `heads`, a `DeepSupervision` that has it as `segmenter`. What a
    callback counts by itself, such as the patience of `EarlyStopping`,
    starts anew in a run that is resumed.

    Args:
        recipe: What to train, on what, and how.
        output: Folder of the run, made if it does not exist.
        epochs: Replaces the number of epochs of the recipe; the schedule
            follows. Defaults to the recipe's.
        resume: Whether to resume from the checkpoint in `output`; otherwise
            there must be none. Defaults to `True`.
        devices: TensorFlow devices to share each batch among, such as
            `["GPU:0", "GPU:1"]`. Defaults to all GPUs if there are several.
        verbose: Progress bar, as in `keras.Model.fit`. Defaults to
            `"auto"`.
        allow_changes: Whether a run may resume with another recipe than it
            began with. Weights, the state of the optimizer and the number of
            finished epochs then come from the checkpoint, and all else from
            the recipe. Defaults to `False`.
        callbacks: Callbacks of Keras, called before the files of an epoch
            are written, on each process of several. Defaults to none.
        keep: `"last"` to return the weights of the last epoch, `"best"` for
            those of the best one. Defaults to `"last"`.
        report: Whether to write the page, for which the model predicts the
            validation data once more. Never with several processes. Defaults
            to `True`.

    Returns:
        The trained model, without what existed for training alone.

    Raises:
        ValueError: If the folder holds a run that is not to be resumed, is
            damaged or began with another recipe, or another training writes
            to it; if `start_from` is missing, the teacher is missing or has
            other classes, the labels do not fit the data and the model,
            something is wrong with the data (see `kerasseg.data.check`), the
            devices cannot share a batch, or there is no validation to keep
            the best by.
        OSError: If a file cannot be written, as on a full disk. The state of
            the last finished epoch that was written is kept.
        TypeError: If a sample has the wrong dtype.
        FloatingPointError: If the loss, that of the validation or a weight
            is NaN or infinite. The epoch before is kept, as if this one had
            not begun.
        RuntimeError: Inside of the scope of TensorFlow's
            `MultiWorkerMirroredStrategy`, which fails with Keras 3.
    """
    shared = strategy(devices)
    if epochs is not None:
        recipe = dataclasses.replace(recipe, epochs=epochs)
    check_batch_size(recipe.batch_size, shared.num_replicas_in_sync)
    check_accumulation(
        recipe.optimizer or default_optimizer, shared.num_replicas_in_sync
    )
    check_start(recipe.start_from)
    check_teacher(recipe.teacher, recipe.labels)
    check_callbacks(callbacks)
    check_keep(keep, recipe.validation)
    output = Path(output)
    if (output / CHECKPOINT).exists() and not resume:
        raise ValueError(
            "`output` must not hold an earlier run when `resume=False`. "
            f"Received: output={str(output)!r}"
        )
    output.mkdir(parents=True, exist_ok=True)
    with (
        _alone(output),
        _dtype_policy(recipe.precision),
        shared.scope(),
    ):
        replicas = shared.num_replicas_in_sync
        how = _How(
            replicas, verbose, allow_changes, tuple(callbacks), keep, report
        )
        return _fit(recipe, output, how)


@dataclasses.dataclass(frozen=True)
class _How:
    """How a recipe is run this time."""

    replicas: int
    verbose: int | str
    allow_changes: bool
    callbacks: tuple
    keep: str
    report: bool


@contextlib.contextmanager
def _alone(output):
    """Keeps other trainings out of a folder; cleans up after killed ones."""
    # Of several processes, the first writes.
    if share()[0] != 0:
        yield
        return
    with contextlib.ExitStack() as stack:
        try:
            held = stack.enter_context(lock(output / LOCK, wait=False))
        except BlockingIOError as error:
            raise ValueError(
                "`output` must not be the folder of a training that is under "
                f"way. Received: output={str(output)!r}"
            ) from error
        if held:
            for name in (CHECKPOINT, BEST, LOG, CURVES, REPORT):
                remove_temporaries(output / name)
        yield


def _fit(recipe, output, how):
    # For the whole process: initial weights and dropout draw from it.
    keras.utils.set_random_seed(recipe.seed)
    train = recipe.train()
    model = starting_model(recipe)
    channels = channels_of(model)
    train = as_samples(train, read=True, channels=channels)
    steps = len(train) // recipe.batch_size
    if steps < 1:
        raise ValueError(
            "`train` of the recipe must return enough samples for a batch. "
            f"Received: {len(train)} samples, batch_size={recipe.batch_size}"
        )
    trainer, metric = compiled(recipe, model, steps * recipe.epochs)
    check_labels(recipe.labels, train, model)
    known = output_shape(model)[-1], ignored_ids(ignore_class(recipe, model))
    look_at("train", train, *known, channels)
    train = CheckedSamples(
        train, *known, name="the training data", channels=channels
    )
    held_out = held_out_of(recipe, known, channels, how.replicas)
    checkpoint = Checkpoint(
        output / CHECKPOINT, describe(recipe, trainer, len(train))
    )
    best = BestWeights(output / BEST, model)
    run = _Run(recipe, output, model, trainer, metric, checkpoint, best)
    _train(run, how, train, held_out)
    if how.keep == "best":
        wait_for_all("the best epoch is written")
        best.restore(model)
    if how.report and held_out is not None and share() == (0, 1):
        _report(recipe, output, model, held_out, checkpoint.recipe)
    return model


@dataclasses.dataclass(frozen=True)
class _Run:
    """A recipe, the folder of its run, and what is trained and kept there."""

    recipe: Recipe
    output: Path
    model: keras.Model
    trainer: keras.Model
    metric: MeanIoU
    checkpoint: Checkpoint
    best: BestWeights


def _train(run, how, train, held_out):
    """All epochs that are left, with the files of each."""
    recipe, part = run.recipe, share()
    validation = in_order(held_out, recipe.batch_size, how.replicas, part)
    done = _restore(run.checkpoint, run.trainer, how.allow_changes)
    if done:
        logger.info("going on after epoch %d of %d", done, recipe.epochs)
    epoch = Epoch(done)
    source = Batches(
        train,
        recipe.batch_size,
        augmentation=augmentation_of(recipe, train),
        seed=recipe.seed,
        drop_remainder=True,
        share=part,
        current_epoch=lambda: epoch.number,
    )
    log = keras.callbacks.CSVLogger(run.output / LOG, append=True)
    writers = _writers(run, part, validation, train.labels, log, done)
    # On JAX a batch is one, whatever devices hold it, and Keras refuses this.
    several = how.replicas > 1 and keras.backend.backend() == "tensorflow"
    together = recipe.synchronized and several
    with (
        clear_errors(run.checkpoint.path, [source, validation]),
        synchronized(run.model) if together else contextlib.nullcontext(),
    ):
        try:
            run.trainer.fit(
                for_backend(source),
                validation_data=validation and for_backend(validation),
                initial_epoch=done,
                epochs=recipe.epochs,
                shuffle=False,
                verbose=how.verbose,
                callbacks=[
                    epoch,
                    StopOnNaN(),
                    ScoreAverages(),
                    *how.callbacks,
                    *writers,
                ],
            )
        finally:
            # Keras leaves the file open when an error stops the training.
            log.on_train_end()


def _writers(run, part, validation, labels, log, done):
    """The callbacks that write, of which each process has its share."""
    writers = []
    if part == (0, 1):
        prefix = "val_" if validation is not None else ""
        names = getattr(labels, "class_names", None)
        writers = [MeanOver(run.metric, prefix + run.metric.name, names)]
    if part[0] == 0:
        forget_unfinished(run.output / LOG, done)
        if not done:
            # Of a run whose state is gone: its score is none of this one's.
            run.best.path.unlink(missing_ok=True)
        curves = Curves(run.output / LOG, run.output / CURVES, run.recipe.name)
        # The state last: an epoch that it counts has left all the rest.
        writers += [log, run.best, run.checkpoint, curves]
    return writers


def _report(recipe, output, model, held_out, facts):
    """Writes the page; where that fails, the training is there all the same."""
    if recipe.labels is None:
        return
    try:
        write_report(
            output / REPORT,
            model,
            held_out,
            recipe.labels,
            recipe.name,
            output / CURVES,
            facts,
        )
    # Whatever it is, such as too little memory: the training took longer.
    except Exception as error:
        text = str(error) or type(error).__name__
        logger.warning("%s could not be written: %s", output / REPORT, text)


def _restore(checkpoint, trainer, allow_changes):
    changed = checkpoint.changes() if allow_changes else []
    done = checkpoint.restore(trainer, allow_changes)
    if changed:
        logger.warning(
            "from %s: weights, the state of the optimizer, %d finished "
            "epochs; from the recipe: all else, and other than before: %s",
            checkpoint.path,
            done,
            ", ".join(changed),
        )
    return done


@contextlib.contextmanager
def _dtype_policy(name):
    # Keras has one for each thread, and layers ask for it as they are made.
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
