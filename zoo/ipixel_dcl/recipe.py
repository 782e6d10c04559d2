"""A U-Net of iPixelDCL layers on CamVid, MobileNetV2, trained trunk.

Paper: Gao, Yuan, Wang and Ji, "Pixel Transposed Convolutional Networks",
TPAMI 2020. The upsampling layers are the paper's iPixelDCL, which also sees
the input at every step; the light decoder on a backbone, ending at stride 4,
the trunk, class weights, optimizer and augmentation are this project's.

Commands: kerasseg train zoo/trunk.py --out runs/trunk
          kerasseg train zoo/ipixel_dcl/recipe.py --out runs/ipixel_dcl
Data: CamVid, 11 classes, train + val (468 images). Both schedules were fixed
before any score was seen; nothing was chosen on the test images.
"""

import sys
from pathlib import Path

import kerasseg

sys.path.insert(0, str(Path(__file__).parents[1]))
import trunk  # noqa: E402


def model():
    return kerasseg.models.pixel_dcl_unet(
        trunk.CLASSES,
        kerasseg.backbones.mobilenet_v2(),
        upsampling="ipixel_dcl",
    )


def recipe():
    return trunk.stage_2("ipixel_dcl", model)
