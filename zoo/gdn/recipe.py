"""GDN on CamVid, MobileNetV2, from the trained trunk.

Paper: Nekrasov, Ju and Choi, "Global Deconvolutional Networks for Semantic
Segmentation", BMVC 2016. Stride 32 is classified, as in the paper's FCN-32s
form, and one learned pair of matrices brings 12 x 15 cells to 384 x 480
pixels: images of 360 x 480 are padded to that. The multi-label loss is this
project's reading of the paper, with a weight of 1; trunk, class weights,
optimizer and augmentation are this project's. The matrices start bilinear and
learn at the rate of all the rest: ten times the rate, as in the paper, is for
SGD, and AdamW scales gradients by itself.

The training crops are 320 x 320. The authors' rule for smaller images, the
top left of the matrices, would leave a third of the columns untrained, so the
matrices are resized for the crops instead (`resampling="resample"`): all of
them learn, images of 360 x 480 use them as they are, and larger ones work.

Commands: kerasseg train zoo/trunk.py --out runs/trunk
          kerasseg train zoo/gdn/recipe.py --out runs/gdn
Data: CamVid, 11 classes, train + val (468 images). Both schedules were fixed
before any score was seen; nothing was chosen on the test images.
"""

import sys
from pathlib import Path

import kerasseg

sys.path.insert(0, str(Path(__file__).parents[1]))
import trunk  # noqa: E402


def model():
    return kerasseg.models.gdn(
        trunk.CLASSES,
        kerasseg.backbones.mobilenet_v2(),
        size=(384, 480),
        resampling="resample",
    )


def recipe():
    return trunk.stage_2(
        "gdn",
        model,
        heads=kerasseg.models.gdn_heads,
        head_losses={"multi_label": kerasseg.losses.MultiLabelLoss()},
    )
