"""FCN-8s on CamVid, MobileNetV2, from the trained trunk.

Paper: Long, Shelhamer and Darrell, "Fully Convolutional Networks for Semantic
Segmentation", CVPR 2015. Strides 32, 16 and 8 are classified; the bilinear
kernels are frozen and the scores start at zero. The paper trains its nets one
after the other, FCN-8s from FCN-16s from FCN-32s. Here all levels are trained
together, so that every decoder of the comparison gets the same schedule from
the same trunk. The trunk, class weights, optimizer and augmentation are this
project's.

Commands: kerasseg train zoo/trunk.py --out runs/trunk
          kerasseg train zoo/fcn_8s/recipe.py --out runs/fcn_8s
Data: CamVid, 11 classes, train + val (468 images). Both schedules were fixed
before any score was seen; nothing was chosen on the test images.
"""

import sys
from pathlib import Path

import kerasseg

sys.path.insert(0, str(Path(__file__).parents[1]))
import trunk  # noqa: E402


def model():
    return kerasseg.models.fcn(
        trunk.CLASSES, kerasseg.backbones.mobilenet_v2(), variant="8s"
    )


def recipe():
    return trunk.stage_2("fcn_8s", model)
