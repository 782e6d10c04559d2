"""How far a model sees, measured."""

import hashlib
import weakref

import keras
import numpy as np

from kerasseg.channels import RGB
from kerasseg.inference.ends import input_shape

# Of the spread of the logits; float32 alone makes differences of 1e-6.
TOLERANCE = 1e-4
_HEIGHT, _WIDTHS = 64, (512, 1024, 2048)
# Of each model, the weights that were measured and what came of it.
_known = weakref.WeakKeyDictionary()


def reach(model):
    """The distance from which pixels no longer change a model's logits.

    Measured, not derived: the right halves of two noise images differ, and so
    do their logits, as far to the left as the model sees. A change below 1e-4
    of the spread of the logits does not count, so that this is less than what
    the sizes of the kernels add up to. The halves meet where tiles do, at a
    multiple of the stride. The receptive field is twice as wide.

    Args:
        model: `keras.Model` from `(batch, None, None, channels)` pixels in
            0..255 to logits.

    Returns:
        The distance in pixels, or `None` if the model sees 1024 pixels or
        farther, as one with a mean over the image does.

    Raises:
        ValueError: If `model` has a fixed input size.
    """
    if None not in input_shape(model)[1:3]:
        raise ValueError(
            "`model` must accept any image size for its reach to be measured. "
            f"Received: a model with input_shape={input_shape(model)}"
        )
    weights = _hash(model)
    if model not in _known or _known[model][0] != weights:
        distances = (_measured(model, width) for width in _WIDTHS)
        distance = next((d for d in distances if d is not None), None)
        _known[model] = weights, distance
    return _known[model][1]


def _hash(model):
    digest = hashlib.sha256()
    for array in model.get_weights():
        digest.update(array.tobytes())
    return digest.digest()


def _measured(model, width):
    """The reach, or `None` if it is not below half of `width`."""
    rng = np.random.default_rng(0)
    shape = (2, _HEIGHT, width, input_shape(model)[3] or RGB)
    images = rng.integers(0, 256, shape).astype("float32")
    middle = width // 2
    images[1, :, :middle] = images[0, :, :middle]
    # Not `predict_on_batch`: it would trace the model for this size.
    logits = keras.ops.convert_to_numpy(model(images, training=False))
    scale = logits.shape[2] / width
    left = logits[:, :, : int(middle * scale)]
    change = np.abs(left[0] - left[1]).max(axis=(0, 2))
    seen = np.flatnonzero(change > TOLERANCE * logits.std())
    distance = 0 if not len(seen) else middle - int(seen[0] / scale)
    return None if distance >= middle else distance
