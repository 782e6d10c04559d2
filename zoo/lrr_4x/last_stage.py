"""The last stage of the packaged LRR-4x: towards the mean IoU itself.

Goes on from the result of recipe.py with the Lovász-Softmax loss, on every
second row and column of the prediction, beside the cross-entropies; without
the dilation/erosion heads, which are not kept. The packaged weights are those
of this stage.

Commands: kerasseg train zoo/trunk.py --out runs/trunk
          kerasseg train zoo/lrr_4x/recipe.py --out runs/lrr_4x
          kerasseg train zoo/lrr_4x/last_stage.py --out runs/lrr_4x_last_stage
Data: CamVid, 11 classes, train + val (468 images). The schedule was fixed
before any score of it was seen; nothing was chosen on the test images.

Reference: Berman, Rannen Triki and Blaschko, "The Lovász-Softmax loss", CVPR
2018.
"""

import sys
from functools import partial
from pathlib import Path

import keras

import kerasseg
from kerasseg.losses import LovaszSoftmaxLoss

ZOO = Path(__file__).parents[1]
sys.path.insert(0, str(ZOO))
import trunk  # noqa: E402

START = ZOO.parent / "runs" / "lrr_4x" / "model"


def model():
    if not START.is_dir():
        raise FileNotFoundError(
            f"{START} must hold the result of recipe.py. Make it with: "
            "kerasseg train zoo/lrr_4x/recipe.py --out runs/lrr_4x"
        )
    return trunk.freeze(kerasseg.zoo.load(START))


def heads(model):
    outputs = kerasseg.models.lrr_heads(model, dilation_erosion=False).output
    every_second = model.output[:, 1::2, 1::2]
    return keras.Model(model.input, {**outputs, "iou": every_second})


def recipe():
    losses = {level: trunk.loss() for level in ("32x", "16x", "8x")}
    return kerasseg.training.Recipe(
        name="lrr_4x",
        train=trunk.train,
        augmentation=trunk.AUGMENTATION,
        batch_size=8,
        model=model,
        loss=trunk.loss(),
        heads=heads,
        head_losses={**losses, "iou": LovaszSoftmaxLoss()},
        optimizer=partial(trunk.optimizer, learning_rate=4e-4),
        epochs=40,
        seed=1,
    )
