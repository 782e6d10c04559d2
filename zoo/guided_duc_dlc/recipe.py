"""Guided DUC + DLC on CamVid, MobileNetV2, from the trained trunk.

Paper: Sediqi and Lee, "A Novel Upsampling and Context Convolution for Image
Semantic Segmentation", Sensors 2021. Both layers are the paper's with fewer
channels, the light head; its trunk has a stride of 32, where the paper's
ResNet has 16. The trunk, class weights, optimizer and augmentation are this
project's.

Commands: kerasseg train zoo/trunk.py --out runs/trunk
          kerasseg train zoo/guided_duc_dlc/recipe.py --out runs/guided_duc_dlc
Data: CamVid, 11 classes, train + val (468 images). Both schedules were fixed
before any score was seen; nothing was chosen on the test images.
"""

import sys
from pathlib import Path

import kerasseg

sys.path.insert(0, str(Path(__file__).parents[1]))
import trunk  # noqa: E402


def model():
    return kerasseg.models.guided_duc_dlc(
        trunk.CLASSES, kerasseg.backbones.mobilenet_v2()
    )


def recipe():
    return trunk.stage_2("guided_duc_dlc", model)
