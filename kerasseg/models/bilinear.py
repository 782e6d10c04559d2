"""The baseline decoder: a 1x1 classifier and bilinear upsampling."""

import keras

from kerasseg.backbones import mobilenet_v2
from kerasseg.layers import PadToMultiple
from kerasseg.models.head import check_backbone
from kerasseg.models.head import check_num_classes
from kerasseg.models.head import upsample_to_image


def bilinear(
    num_classes,
    backbone=None,
    image_shape=(None, None, 3),
    level="P5",
    name=None,
):
    """The plainest decoder: a 1x1 classifier and bilinear upsampling.

    What every learned decoder has to beat.

    Args:
        num_classes: Integer >= 2.
        backbone: A backbone of `kerasseg.backbones`. Defaults to
            `mobilenet_v2()` with random weights.
        image_shape: `(height, width, 3)`; sizes may be `None`, any size of 32
            or more works (padded and cropped inside). Defaults to
            `(None, None, 3)`.
        level: `"P1"` .. `"P5"`. The features that are classified. Defaults
            to `"P5"`.
        name: String. Defaults to `"bilinear"`.

    Returns:
        A `keras.Model` from images `(batch, height, width, 3)`, RGB in
        0..255, to float32 logits `(batch, height, width, num_classes)`.

    Raises:
        ValueError: If an argument is out of its range, or the backbone lacks
            the level.
    """
    check_num_classes(num_classes)
    if backbone is None:
        backbone = mobilenet_v2()
    check_backbone(backbone, [level])
    images = keras.Input(image_shape, name="images")
    features = backbone(PadToMultiple(name="pad")(images))
    logits = keras.layers.Conv2D(num_classes, 1, name="score")(features[level])
    logits = upsample_to_image(logits, images, 2 ** int(level[1:]))
    return keras.Model(images, logits, name=name or "bilinear")
