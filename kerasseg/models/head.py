"""What all models share: checks of arguments, logits at the image size."""

import keras

from kerasseg.arguments import check_integer
from kerasseg.layers import BilinearUpSampling2D
from kerasseg.layers import CropToMatch


def check_num_classes(num_classes):
    """Refuses a number of classes that is no integer of 2 or more."""
    check_integer(
        "num_classes",
        num_classes,
        2,
        remark="; a single foreground is two classes, background and it",
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


def upsample_to_image(logits, images, stride, name="logits"):
    """Upsamples a map bilinearly and crops it to the size of the images.

    Args:
        logits: Map `(batch, height / stride, width / stride, classes)` of
            the padded images.
        images: The images before padding.
        stride: Integer. Pixels per cell of the map.
        name: Name of the output. Defaults to `"logits"`.

    Returns:
        Float32 logits `(batch, height, width, classes)`.
    """
    if stride > 1:
        logits = BilinearUpSampling2D(
            stride, border="edge", name="upsample_to_image"
        )(logits)
    return as_float32(CropToMatch(name="crop")([logits, images]), name)


def as_float32(x, name):
    """Casts a map to float32 and names it."""
    return keras.layers.Activation("linear", dtype="float32", name=name)(x)
