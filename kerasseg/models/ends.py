"""Both ends of all models: their arguments, and the way to the image."""

import keras

from kerasseg.layers import BilinearUpSampling2D
from kerasseg.layers import CropToMatch


def check_num_classes(num_classes):
    """Refuses a number of classes that is no integer of 2 or more."""
    if not isinstance(num_classes, int) or num_classes < 2:
        raise ValueError(
            "`num_classes` must be an integer of 2 or more; a single "
            "foreground is two classes, background and it. "
            f"Received: num_classes={num_classes!r}"
        )


def check_backbone(backbone, levels):
    """Refuses a backbone without the levels that a decoder reads."""
    features = getattr(backbone, "output", None)
    known = sorted(features) if isinstance(features, dict) else []
    if not set(levels) <= set(known):
        raise ValueError(
            "`backbone` must be a keras.Model with the outputs "
            f"{', '.join(sorted(levels))}. "
            f"Received: backbone={backbone!r} with {', '.join(known) or 'none'}"
        )


def to_image_size(scores, images, stride, name="logits"):
    """Upsamples a map bilinearly and crops it to the size of the images.

    Args:
        scores: map `(batch, height / stride, width / stride, classes)` of
            the padded images.
        images: the images before padding.
        stride: integer. Pixels per cell of the map.
        name: name of the output. Defaults to `"logits"`.

    Returns:
        Float32 logits `(batch, height, width, classes)`.
    """
    if stride > 1:
        scores = BilinearUpSampling2D(
            stride, border="edge", name="to_image_size"
        )(scores)
    return as_float32(CropToMatch(name="crop")([scores, images]), name)


def as_float32(x, name):
    """Casts a map to float32 and names it."""
    return keras.layers.Activation("linear", dtype="float32", name=name)(x)
