"""Prediction fused over several scales of one image and its mirror image."""

import numpy as np
from PIL import Image

from kerasseg.inference.whole_image import MINIMUM_SIZE
from kerasseg.inference.whole_image import predict_logits
from kerasseg.inference.whole_image import read_pixels

_FUSE = {"max": np.maximum, "mean": np.add}


def predict_mask_multi_scale(
    model, image, scales=(0.6, 0.8, 1.0), flip=True, fuse="max"
):
    """Class ids of one image, fused over scales and mirror images.

    The image is resized (bicubic) by each scale, the model's softmax maps are
    resized back (bicubic), and the maps of all scales, and of the mirrored
    images if `flip`, are fused pixel by pixel; the class is the largest. The
    authors' code fits the image into a canvas whose sides divide by 32; here
    the model pads, so that no pixel is spent on a canvas.

    Args:
        model: `keras.Model` from `(batch, None, None, 3)` pixels in 0..255 to
            logits.
        image: Path of an image file, or RGB array `(height, width, 3)` with
            values in 0..255. Height and width 32 or more.
        scales: Factors on height and width. A side never becomes smaller than
            32 pixels. Defaults to `(0.6, 0.8, 1.0)`.
        flip: Whether to add the mirror image at each scale. Defaults to
            `True`.
        fuse: `"max"` (the paper's) or `"mean"`. Defaults to `"max"`.

    Returns:
        Int32 array `(height, width)` of class ids.

    Raises:
        ValueError: If `model` has a fixed input size, `scales` is empty or not
            positive, `fuse` is unknown, or `image` is not usable.

    Reference:
        Ghiasi and Fowlkes, 2016, https://arxiv.org/abs/1605.02264 (the rows
        marked "ms").
    """
    if fuse not in _FUSE:
        raise ValueError(
            f"`fuse` must be one of {tuple(_FUSE)}. Received: fuse={fuse!r}"
        )
    if not len(scales) or min(scales) <= 0:
        raise ValueError(
            "`scales` must hold at least one factor, each above 0. "
            f"Received: scales={scales}"
        )
    if None not in model.input_shape[1:3]:
        raise ValueError(
            "`model` must accept any image size to predict at several scales. "
            f"Received: a model with input_shape={model.input_shape}"
        )
    pixels = read_pixels(image)
    fused = None
    for scale in scales:
        for mirror in (False, True) if flip else (False,):
            probabilities = _probabilities(model, pixels, scale, mirror)
            if fused is None:
                fused = probabilities
            else:
                fused = _FUSE[fuse](fused, probabilities)
    return np.argmax(fused, axis=-1).astype("int32")


def _probabilities(model, pixels, scale, mirror):
    """Softmax maps at the size of `pixels`, seen at `scale`."""
    size = pixels.shape[:2]
    scaled = _bicubic(
        pixels, [max(MINIMUM_SIZE, round(side * scale)) for side in size]
    )
    if mirror:
        scaled = scaled[:, ::-1]
    logits = predict_logits(model, np.clip(scaled, 0, 255))
    if mirror:
        logits = logits[:, ::-1]
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return _bicubic(exponentials / exponentials.sum(-1, keepdims=True), size)


def _bicubic(array, size):
    """Float32 `array` `(height, width, channels)` resized to `size`."""
    height, width = size
    if array.shape[:2] == (height, width):
        return array
    channels = [
        Image.fromarray(np.ascontiguousarray(array[..., channel])).resize(
            (width, height), Image.Resampling.BICUBIC
        )
        for channel in range(array.shape[-1])
    ]
    return np.stack([np.asarray(channel) for channel in channels], axis=-1)
