"""FCN-32s on CamVid, MobileNetV2, from the trained trunk.

Paper: Long, Shelhamer and Darrell, "Fully Convolutional Networks for Semantic
Segmentation", CVPR 2015. Bilinear kernels are frozen as in the authors' code;
stride 32 is classified by a 1x1 convolution that starts at zero. The trunk,
class weights, optimizer and augmentation are this project's.

Commands: kerasseg train zoo/trunk.py --out runs/trunk
          kerasseg train zoo/fcn_32s/recipe.py --out runs/fcn_32s
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
        trunk.CLASSES, kerasseg.backbones.mobilenet_v2(), variant="32s"
    )


def recipe():
    return trunk.stage_2("fcn_32s", model)
