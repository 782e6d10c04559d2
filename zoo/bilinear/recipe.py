"""Bilinear baseline on CamVid, MobileNetV2, from the trained trunk.

A 1x1 classifier at stride 32 and bilinear upsampling: what every learned
decoder has to beat, with the trunk and the schedule of all the others.

Commands: kerasseg train zoo/trunk.py --out runs/trunk
          kerasseg train zoo/bilinear/recipe.py --out runs/bilinear
Data: CamVid, 11 classes, train + val (468 images). Both schedules were fixed
before any score was seen; nothing was chosen on the test images.
"""

import sys
from pathlib import Path

import kerasseg

sys.path.insert(0, str(Path(__file__).parents[1]))
import trunk  # noqa: E402


def model():
    return kerasseg.models.bilinear(
        trunk.CLASSES, kerasseg.backbones.mobilenet_v2()
    )


def recipe():
    return trunk.stage_2("bilinear", model)
