"""Counts of the pixels of each label and prediction, all in one histogram."""

import functools
import math

import keras
from keras import ops

from kerasseg.ids import NO_ID
from kerasseg.ids import match
from kerasseg.ids import whole_ids

# Unknown ids 0..255 are counted one by one, all others together, and so are
# values that are no whole numbers.
BEYOND = 256
FRACTION = BEYOND + 1
UNKNOWN_BINS = FRACTION + 1
# A batch of fewer values takes less time than a call of compiled code.
_SMALL = 10_000
# Shapes that were counted once without; one that comes again is compiled for.
_MOST_SHAPES = 64
_shapes = set()


def count(labels, predictions, num_classes, ignored):
    """Histogram of a batch.

    Args:
        labels: Class ids `(batch, height, width)`, of any number type.
        predictions: Class ids in that shape, or logits with one more axis, of
            which the first largest one counts.
        num_classes: Number of classes.
        ignored: Tuple of the ids in `labels` that do not count.

    Returns:
        An int32 tensor: the `num_classes ** 2` pairs, row by row of labels;
        `UNKNOWN_BINS` of labels that are no class, and as many of such
        predictions; and what is ignored.
    """
    bins = num_classes**2 + 2 * UNKNOWN_BINS + 1
    if not _on_tensorflow_cpu():
        places = _places(labels, predictions, num_classes, ignored)
        ones = ops.ones_like(places, dtype="int32")
        return ops.segment_sum(ones, places, num_segments=bins)
    # What TensorFlow has for this on a CPU is twenty times as fast.
    import tensorflow as tf

    find = _places
    if _is_worth_compiling(tf, labels, predictions):
        find = _compiled()
    places = find(labels, predictions, num_classes, ignored)
    return tf.math.bincount(places, minlength=bins, maxlength=bins)


def _places(labels, predictions, num_classes, ignored):
    """The bin of each pixel."""
    if len(predictions.shape) > len(labels.shape):
        predictions = ops.argmax(predictions, axis=-1)
    labels = whole_ids(ops.reshape(labels, (-1,)))
    predictions = whole_ids(ops.reshape(predictions, (-1,)))
    pairs = num_classes**2
    places = ops.where(
        _is_class(predictions, num_classes),
        labels * num_classes + predictions,
        pairs + UNKNOWN_BINS + _unknown_bin(predictions),
    )
    places = ops.where(
        _is_class(labels, num_classes), places, pairs + _unknown_bin(labels)
    )
    void = pairs + 2 * UNKNOWN_BINS
    return ops.where(match(labels, ignored), void, places)


def _is_class(ids, num_classes):
    return ops.logical_and(ids >= 0, ids < num_classes)


def _unknown_bin(ids):
    other = ops.where(ops.equal(ids, NO_ID), FRACTION, BEYOND)
    return ops.where(_is_class(ids, BEYOND), ids, other)


def _on_tensorflow_cpu():
    return keras.backend.backend() == "tensorflow" and not _has_gpu()


@functools.cache
def _has_gpu():
    import tensorflow as tf

    return bool(tf.config.list_logical_devices("GPU"))


@functools.cache
def _compiled():
    """`_places` through XLA, a tenth of the time of single operations."""
    import tensorflow as tf

    return tf.function(_places, jit_compile=True, autograph=False)


def _is_worth_compiling(tf, labels, predictions):
    """Whether a shape is large, and not that of a single image."""
    shape = predictions.shape
    # Batches differ in one size at most, the last one's.
    known = shape[1:].is_fully_defined() and labels.shape[1:].is_fully_defined()
    if not known or math.prod(shape[1:]) < _SMALL:
        return False
    if not tf.executing_eagerly():
        return True
    seen = tuple(shape) in _shapes
    if len(_shapes) < _MOST_SHAPES:
        _shapes.add(tuple(shape))
    return seen
