"""Prediction fused over several scales of one image and its mirror image."""

import math
from collections.abc import Iterable
from numbers import Real

import numpy as np
from PIL import Image

from kerasseg.arguments import check_choice
from kerasseg.data.image import resize_planes
from kerasseg.inference.ends import input_shape
from kerasseg.inference.tile_plan import grid
from kerasseg.inference.whole_image import MINIMUM_SIZE
from kerasseg.inference.whole_image import as_logits
from kerasseg.inference.whole_image import channels_of
from kerasseg.inference.whole_image import read_pixels
from kerasseg.inference.whole_image import softmax

_FUSE = {"max": np.maximum, "mean": np.add}


def predict_mask_multi_scale(
    model, image, scales=(0.6, 0.8, 1.0), flip=None, fuse="max"
):
    """Class ids of one image, fused over scales and mirror images.

    The image is resized (bicubic) by each scale, the model's softmax maps are
    resized back (bicubic), and the maps of all scales, and of the mirrored
    images if `flip`, are fused pixel by pixel; the class is the largest. The
    reference implementation fits the image into a canvas whose sides divide by
    32; here the model pads, so that no pixel is spent on a canvas.

    An image and its mirror image are one batch, padded to the stride of the
    model as it would do itself. What a backend compiles for a shape thus
    serves all sizes with the same number of strides.

    Args:
        model: `keras.Model` from `(batch, None, None, channels)` pixels in
            0..255 to logits.
        image: Path of an image file, or array `(height, width, channels)`
            with values in 0..255. Height and width 32 or more.
        scales: Factors on height and width. A side never becomes smaller than
            32 pixels. Defaults to `(0.6, 0.8, 1.0)`.
        flip: Whether to add the mirror image at each scale. Defaults to
            `None`: with `"mean"` only, since the paper's `"max"` is without.
        fuse: `"max"` (the paper's) or `"mean"`. Defaults to `"max"`.

    Returns:
        Int32 array `(height, width)` of class ids.

    Raises:
        ValueError: If `model` has a fixed input size, `scales` holds no
            factor or what is none, `fuse` is unknown, or `image` is not usable.

    Reference:
        Ghiasi and Fowlkes, 2016, https://arxiv.org/abs/1605.02264 (the rows
        marked "ms").
    """
    check_choice("fuse", fuse, tuple(_FUSE))
    scales = _checked_scales(scales)
    if None not in input_shape(model)[1:3]:
        raise ValueError(
            "`model` must accept any image size to predict at several scales. "
            f"Received: a model with input_shape={input_shape(model)}"
        )
    pixels = read_pixels(image, channels_of(model))
    if flip is None:
        flip = fuse == "mean"
    mirrors = (False, True) if flip else (False,)
    fused = None
    for scale in scales:
        for probabilities in _probabilities(model, pixels, scale, mirrors):
            if fused is None:
                fused = probabilities
            else:
                fused = _FUSE[fuse](fused, probabilities)
    return np.argmax(fused, axis=-1).astype("int32")


def _checked_scales(scales):
    # A single number is no list of them.
    factors = tuple(scales) if isinstance(scales, Iterable) else ()
    numbers = all(isinstance(factor, Real) for factor in factors)
    if not (factors and numbers and all(0 < f < math.inf for f in factors)):
        raise ValueError(
            "`scales` must hold at least one factor, each above 0. "
            f"Received: scales={factors or scales!r}"
        )
    return factors


def _probabilities(model, pixels, scale, mirrors):
    """Softmax maps at the size of `pixels`, seen at `scale`."""
    size = pixels.shape[:2]
    height, width = [max(MINIMUM_SIZE, round(side * scale)) for side in size]
    scaled = np.clip(_bicubic(pixels, (height, width)), 0, 255)
    stride, value = grid(model, stride=1)
    padded = [-(-side // stride) * stride for side in (height, width)]
    shape = (len(mirrors), *padded, pixels.shape[2])
    batch = np.full(shape, value, "float32")
    for seen, mirror in zip(batch, mirrors, strict=True):
        seen[:height, :width] = scaled[:, ::-1] if mirror else scaled
    output = as_logits(model.predict_on_batch(batch), padded)
    for logits, mirror in zip(output, mirrors, strict=True):
        logits = logits[:height, :width]
        if mirror:
            logits = logits[:, ::-1]
        yield _bicubic(softmax(logits), size)


def _bicubic(array, size):
    """Float32 `array` `(height, width, channels)` resized to `size`."""
    return resize_planes(array, size, Image.Resampling.BICUBIC)
