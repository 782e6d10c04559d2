"""LRR-4x on CamVid, MobileNetV2, from the trained trunk.

Paper: Ghiasi and Fowlkes, "Laplacian Pyramid Reconstruction and Refinement
for Semantic Segmentation", ECCV 2016. Bases, masks, the losses at all levels
and the dilation/erosion heads are the paper's; the trunk, the light head,
class weights, optimizer and augmentation are this project's.

The packaged weights went on from here by last_stage.py; comparison.py trains
on the terms of all decoders, for fewer epochs.

Commands: kerasseg train zoo/trunk.py --out runs/trunk
          kerasseg train zoo/lrr_4x/recipe.py --out runs/lrr_4x
Data: CamVid, 11 classes, train + val (468 images). Both schedules were fixed
before any score was seen; nothing was chosen on the test images.
"""

import sys
from functools import partial
from pathlib import Path

import kerasseg

sys.path.insert(0, str(Path(__file__).parents[1]))
import trunk  # noqa: E402


def model(mask=True):
    return kerasseg.models.lrr(
        trunk.CLASSES,
        kerasseg.backbones.mobilenet_v2(),
        mask=mask,
        bases=kerasseg.data.reconstruction_bases(
            [mask for _, mask in trunk.train()], trunk.CLASSES
        ),
    )


def recipe(mask=True, dilation_erosion=True, epochs=40):
    losses = {level: trunk.loss() for level in ("32x", "16x", "8x")}
    if dilation_erosion:
        losses["dilation_erosion"] = kerasseg.losses.DilationErosionLoss(
            trunk.CLASSES
        )
    return trunk.stage_2(
        "lrr_4x",
        partial(model, mask),
        epochs,
        heads=partial(
            kerasseg.models.lrr_heads, dilation_erosion=dilation_erosion
        ),
        head_losses=losses,
    )
