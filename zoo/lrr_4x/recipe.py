"""LRR-4x on CamVid, MobileNetV2: stage 2, all four levels.

Paper: Ghiasi and Fowlkes, "Laplacian Pyramid Reconstruction and Refinement
for Semantic Segmentation", ECCV 2016. Bases, masks, the losses at all levels
and the dilation/erosion heads are the paper's, and so are the two stages. The
trunk, the light head, class weights, optimizer and augmentation are this
project's.

Commands: kerasseg train zoo/lrr_4x/stage_1.py --out runs/lrr_4x_stage_1
          kerasseg train zoo/lrr_4x/recipe.py --out runs/lrr_4x
Data: CamVid, 11 classes, train + val (468 images). Both schedules were fixed
before any score was seen; nothing was chosen on the test images.
"""

import importlib.util
from functools import partial
from pathlib import Path

import keras

import kerasseg

_path = Path(__file__).with_name("stage_1.py")
_spec = importlib.util.spec_from_file_location("stage_1", _path)
stage_1 = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(stage_1)

STAGE_1 = Path("runs/lrr_4x_stage_1/model")


def model(mask=True):
    start = kerasseg.zoo.load(STAGE_1)
    backbone = stage_1.backbone(weights=None)
    model = kerasseg.models.lrr(
        stage_1.CLASSES,
        backbone,
        mask=mask,
        bases=start.get_layer("reconstruction_32x").bases,
    )
    trained = {variable.path: variable for variable in start.weights}
    for variable in model.weights:
        if variable.path in trained:
            variable.assign(trained[variable.path])
    return model


def optimizer(steps):
    return keras.optimizers.AdamW(
        kerasseg.training.PolyDecay(7e-4, steps, warmup_steps=steps // 20),
        weight_decay=1e-3,
        clipnorm=5.0,
    )


def recipe(mask=True, dilation_erosion=True, epochs=24):
    losses = {level: stage_1.loss() for level in ("32x", "16x", "8x")}
    if dilation_erosion:
        losses["dilation_erosion"] = kerasseg.losses.DilationErosionLoss(
            stage_1.CLASSES
        )
    return kerasseg.training.Recipe(
        name="lrr_4x",
        train=stage_1.train,
        augmentation=stage_1.AUGMENTATION,
        batch_size=8,
        model=partial(model, mask),
        heads=partial(
            kerasseg.models.lrr_heads, dilation_erosion=dilation_erosion
        ),
        loss=stage_1.loss(),
        head_losses=losses,
        optimizer=optimizer,
        epochs=epochs,
    )
