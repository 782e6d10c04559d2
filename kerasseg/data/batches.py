"""Batches of samples for `model.fit`, the same on every backend."""

import logging
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from kerasseg.data.py_batches import Batches

logger = logging.getLogger(__name__)


def batches(
    dataset: Sequence,
    batch_size: int,
    augmentation: Callable | None = None,
    shuffle: bool = True,
    seed: int = 0,
    drop_remainder: bool = False,
    workers: int = 1,
    initial_epoch: int = 0,
    share: tuple[int, int] = (0, 1),
    current_epoch: Callable[[], int] | None = None,
    replicas: int | None = None,
) -> Any:
    """Batches in the form that the current backend takes best.

    Args:
        dataset: Sequence of samples `(image, mask)`, such as a
            `SegmentationFolder` or a list of arrays; or a `tf.data.Dataset`
            of them, which is read at once, see `TfDataSamples`.
        batch_size: Number of samples in a batch.
        augmentation: Function `(image, mask, rng) -> (image, mask)`, such as
            `Augmentation`; what it returns is checked. Without one, all
            samples of a batch must have the same size. With a method
            `mix(image, mask, partner, rng)`, as `Augmentation` has, that is
            called with what came, and a function that returns another sample.
            Defaults to `None`.
        shuffle: Whether the order is random. Defaults to `True`.
        seed: Non-negative integer behind every random choice. Defaults to 0.
        drop_remainder: Whether the samples that do not fill the last batch
            are left out of the epoch. Defaults to `False`.
        workers: Number of threads that prepare batches. Defaults to 1.
        initial_epoch: Number of the first epoch, for a run that is resumed.
            Defaults to 0.
        share: `(index, count)`: of each batch only one of `count` equal parts,
            for a training on several machines. Defaults to `(0, 1)`, all.
        current_epoch: Function without arguments that returns the number of
            the epoch under way. Defaults to counting from `initial_epoch`.
        replicas: Number of devices that share each batch under
            `tf.distribute`. All then get as many samples, since Keras and
            TensorFlow fail where one is left without: an epoch leaves out
            the samples that this takes, fewer than `replicas`. Defaults to
            that of the strategy in whose scope this is called, or 1.

    Returns:
        A `tf.data.Dataset` on the TensorFlow backend, otherwise `Batches`.
        Both give the same batches in the same order: `(images, masks)`,
        `uint8` of shape `(batch, height, width, channels)` and `int32` of
        shape `(batch, height, width)`. An epoch counts once its last batch is
        handed out; a look at the first batch changes nothing. Pass
        `shuffle=False` to `model.fit`: the order is random already. Under
        `tf.distribute`, call this in the scope of the strategy, or say
        `replicas`. And say `current_epoch`: what looks ahead there may hand
        out all of a short epoch before it begins, which counts.

    Raises:
        ValueError: If the dataset does not fill a batch, an argument is out
            of range, or the devices cannot share a batch.

    Example:

    >>> with tf.distribute.MirroredStrategy().scope():
    ...     model = make_and_compile()
    ...     data = batches(train, 8, augmentation)
    >>> model.fit(data, epochs=20, shuffle=False)
    """
    tensorflow = keras.backend.backend() == "tensorflow"
    told = replicas is not None
    if not told:
        replicas = _replicas_in_scope() if tensorflow else 1
    source = Batches(
        dataset,
        batch_size,
        augmentation,
        shuffle,
        seed,
        drop_remainder,
        workers,
        initial_epoch,
        share,
        current_epoch,
        replicas,
    )
    if tensorflow and not told:
        _warn_outside_of_scope(source)
    return for_backend(source)


def for_backend(source: Batches) -> Any:
    """Batches in the form that the current backend takes best.

    Args:
        source: The batches.

    Returns:
        A `tf.data.Dataset` of them on the TensorFlow backend, otherwise
        themselves.
    """
    if keras.backend.backend() != "tensorflow":
        return source
    return _as_tf_data(source)


def _replicas_in_scope():
    import tensorflow as tf

    return tf.distribute.get_strategy().num_replicas_in_sync


def _warn_outside_of_scope(source):
    """Names what TensorFlow will fail at, if these batches are to be shared."""
    import tensorflow as tf

    devices = len(tf.config.list_logical_devices("GPU"))
    if tf.distribute.has_strategy() or devices < 2:
        return
    last = source.num_samples % source.batch_size or source.batch_size
    if source.drop_remainder:
        last = source.batch_size
    if last % devices or source.batch_size % devices:
        logger.warning(
            "batches of %d and a last one of %d cannot be shared among %d "
            "GPUs; under tf.distribute, call kerasseg.data.batches in the "
            "scope of the strategy",
            source.batch_size,
            last,
            devices,
        )


def _as_tf_data(source):
    import tensorflow as tf

    size = getattr(source.augmentation, "crop_size", (None, None))
    even = source.drop_remainder or not source.num_samples % source.batch_size
    batch = source.batch_size // source.share[1] if even else None
    shape = (batch, *size)

    def prepare(index):
        images, masks = tf.numpy_function(
            lambda i: source[int(i)], (index,), (tf.uint8, tf.int32)
        )
        return (
            index,
            tf.ensure_shape(images, (*shape, source.channels)),
            tf.ensure_shape(masks, shape),
        )

    def hand_out(index, images, masks):
        # After the prefetch, so that the epoch of a batch is still current
        # when it is prepared; all batches of an epoch precede its last one.
        done = tf.numpy_function(lambda i: _count(source, i), (index,), tf.bool)
        with tf.control_dependencies([done]):
            return tf.identity(images), tf.identity(masks)

    data = tf.data.Dataset.range(len(source))
    data = data.map(
        prepare, num_parallel_calls=source.workers, deterministic=True
    )
    return data.prefetch(max(2, source.workers)).map(hand_out)


def _count(source, index):
    last = int(index) == len(source) - 1
    if last:
        source.on_epoch_end()
    return np.bool_(last)
