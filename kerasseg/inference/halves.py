"""Prediction of the left and the right part of an image, apart."""

import numpy as np

from kerasseg.inference.whole_image import channels_of
from kerasseg.inference.whole_image import logits_of_pixels
from kerasseg.inference.whole_image import read_pixels
from kerasseg.inference.whole_image import softmax

# Of the width of the image, and of that of a part.
_PART = 5 / 8
_MARGIN = 1 / 8


def predict_mask_halves(model, image):
    """Class ids of one image from its left and its right part.

    Each part has five eighths of the width. Of its inner edge an eighth of its
    own width is left out, where the model does not see what lies beyond; where
    the rest of both overlaps, the larger probability of each class counts.

    Args:
        model: `keras.Model` as of `predict_mask`, for images of any width.
        image: Image as of `predict_mask`, 64 pixels or more wide.

    Returns:
        Int32 array `(height, width)` of class ids.

    Raises:
        ValueError: As `predict_mask` does; or if the image is too narrow.

    Reference:
        The code of Ghiasi and Fowlkes, 2016, https://arxiv.org/abs/1605.02264,
        for Cityscapes: https://github.com/golnazghiasi/LRR.
    """
    pixels = read_pixels(image, channels_of(model))
    width = pixels.shape[1]
    part = round(width * _PART)
    if part < 40:
        raise ValueError(
            "`image` must be 64 pixels or more wide to be cut into two parts. "
            f"Received: image.shape={pixels.shape}"
        )
    kept = part - round(part * _MARGIN)
    left = softmax(logits_of_pixels(model, pixels[:, :part]))[:, :kept]
    right = softmax(logits_of_pixels(model, pixels[:, -part:]))[:, -kept:]
    fused = np.zeros((*pixels.shape[:2], left.shape[-1]), "float32")
    fused[:, :kept] = left
    fused[:, -kept:] = np.maximum(fused[:, -kept:], right)
    return np.argmax(fused, axis=-1).astype("int32")
