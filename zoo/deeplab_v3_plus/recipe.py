r"""DeepLabV3+ baseline on CamVid, MobileNetV2, from the trained trunk.

Paper: Chen et al., "Encoder-Decoder with Atrous Separable Convolution for
Semantic Image Segmentation", ECCV 2018. The trunk goes on to stride 32, where
the paper stops at 16: the atrous rates are 3, 6 and 9 instead of 6, 12 and 18.
The width is 96 instead of 256, which takes 0.44 G multiply-adds at 352x480
beside the trunk's 1.0 G; the full width would take 1.9 G. Class weights,
optimizer and augmentation are this project's.

Commands: kerasseg train zoo/trunk.py --out runs/trunk
          kerasseg train zoo/deeplab_v3_plus/recipe.py \
              --out runs/deeplab_v3_plus
Data: CamVid, 11 classes, train + val (468 images). Both schedules were fixed
before any score was seen; nothing was chosen on the test images.
"""

import sys
from pathlib import Path

import kerasseg

sys.path.insert(0, str(Path(__file__).parents[1]))
import trunk  # noqa: E402


def model():
    return kerasseg.models.deeplab_v3_plus(
        trunk.CLASSES, kerasseg.backbones.mobilenet_v2(), filters=96
    )


def recipe():
    return trunk.stage_2("deeplab_v3_plus", model)
