"""LRR-16x on CamVid: the 16x prediction of the run that made lrr_4x.

All levels of LRR are trained together; this entry reads its part of the same
file of weights. So this is the recipe of lrr_4x, and after it comes
zoo/lrr_4x/last_stage.py.

Paper: Ghiasi and Fowlkes, "Laplacian Pyramid Reconstruction and Refinement for
Semantic Segmentation", ECCV 2016. Bases, masks, the losses at all levels and
the dilation/erosion heads are the paper's; backbone, light head, class
weights, optimizer and augmentation are this project's.

Command: kerasseg train zoo/lrr_16x/recipe.py --out runs/lrr_4x
Data: CamVid, 11 classes, train + val (468 images). The schedule, the same for
every decoder, was fixed before any score was seen; nothing was chosen on the
test images.
Start: MobileNetV2 as zoo/camvid_backbone/recipe.py trained it, or with
--start-from another run of that recipe.
"""

from pathlib import Path

import keras

import kerasseg
from kerasseg.data import CAMVID

HERE = Path(__file__).parent
BACKBONE = HERE.parent / "camvid_backbone" / "camvid_backbone.safetensors"
# Square roots of the median-frequency weights of the training masks (the
# largest a little less), so that thin classes count without drowning the
# rest; order of the class ids.
WEIGHTS = [0.53, 0.45, 2.19, 0.39, 1.0, 0.65, 1.96, 1.4, 0.89, 2.52, 2.5]


def train():
    return kerasseg.data.camvid("train+val").cached()


def model(start_from):
    backbone = kerasseg.backbones.mobilenet_v2()
    kerasseg.zoo.read_weights(backbone, start_from, allow_extra=True)
    # Up to a stride of 4 it stays as it is: few weights, but a third of the
    # time of a step.
    for layer in backbone.get_layer("mobilenet_v2_features").layers:
        layer.trainable = False
        if layer.name == "block_2_add":
            break
    bases = kerasseg.data.reconstruction_bases(
        [mask for _, mask in train()], CAMVID.num_classes
    )
    return kerasseg.models.lrr(CAMVID.num_classes, backbone, bases=bases)


def loss():
    return kerasseg.losses.SegmentationLoss(
        class_weights=WEIGHTS, normalization="image"
    )


def optimizer(steps):
    return keras.optimizers.AdamW(
        kerasseg.training.PolyDecay(7e-4, steps, warmup_steps=steps // 20),
        weight_decay=1e-3,
        clipnorm=5.0,
    )


def recipe():
    return kerasseg.training.Recipe(
        name="lrr_4x",
        labels=CAMVID,
        train=train,
        augmentation=kerasseg.data.Augmentation(
            crop_size=(320, 320), scale=(0.6, 1.8), brightness=0.5, gamma=0.4
        ),
        batch_size=8,
        model=model,
        start_from=BACKBONE,
        loss=loss(),
        heads=kerasseg.models.lrr_heads,
        head_losses={
            "32x": loss(),
            "16x": loss(),
            "8x": loss(),
            "dilation_erosion": kerasseg.losses.DilationErosionLoss(
                CAMVID.num_classes
            ),
        },
        optimizer=optimizer,
        epochs=40,
    )
