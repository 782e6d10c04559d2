"""What all models share: checks of arguments, logits at the image size."""

import keras

from kerasseg.arguments import check_integer
from kerasseg.backbones import mobilenet_v2
from kerasseg.channels import count_of
from kerasseg.layers import BilinearUpSampling2D
from kerasseg.layers import CropToMatch

# Of models with a choice: that of the paper, and a cheaper one.
HEADS = ("light", "paper")


def check_num_classes(num_classes):
    """Refuses a number of classes that is no integer of 2 or more."""
    check_integer(
        "num_classes",
        num_classes,
        2,
        remark="; a single foreground is two classes, background and it",
    )


def checked_backbone(backbone, levels, channels):
    """The backbone of a model, `mobilenet_v2` if none is given.

    Args:
        backbone: A backbone of `kerasseg.backbones`, or `None`.
        levels: The levels that the decoder reads.
        channels: Number of channels of the images.

    Returns:
        The backbone.

    Raises:
        ValueError: If it lacks a level, or takes other images.
    """
    if backbone is None:
        backbone = mobilenet_v2((None, None, channels))
    check_backbone(backbone, levels)
    count = count_of(backbone)
    if count != channels:
        raise ValueError(
            f"`backbone` must take images of the {channels} channels that "
            f"`image_shape` names. Received: backbone={backbone.name!r}, which "
            f"takes {count}; both may be given an image_shape, such as "
            f"(None, None, {channels})"
        )
    return backbone


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
