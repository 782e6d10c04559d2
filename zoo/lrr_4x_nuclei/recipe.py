"""LRR-4x on cell nuclei, MobileNetV2.

Paper: Ghiasi and Fowlkes, "Laplacian Pyramid Reconstruction and Refinement
for Semantic Segmentation", ECCV 2016, in one stage, with this project's light
head, optimizer and augmentation.

Command: kerasseg train zoo/lrr_4x_nuclei/recipe.py --out runs/lrr_4x_nuclei
Data: nuclei of the 2018 Data Science Bowl (CC0), train + val (200 images).
The schedule was fixed before any score was seen.
Backbone: MobileNetV2 1.0 trained on ImageNet, the file BACKBONE in the folder
that KERASSEG_DATA names.
"""

import keras

import kerasseg
from kerasseg.data import NUCLEI

CLASSES = NUCLEI.num_classes
BACKBONE = "backbones/mobilenet_v2_1.0_224_no_top_int8_dequantised.h5"


def train():
    return kerasseg.data.nuclei("train+val").cached()


def model(start_from):
    backbone = kerasseg.backbones.mobilenet_v2(weights=start_from)
    return kerasseg.models.lrr(
        CLASSES,
        backbone,
        bases=kerasseg.data.reconstruction_bases(
            [mask for _, mask in train()], CLASSES
        ),
        name="lrr_4x_nuclei",
    )


def optimizer(steps):
    return keras.optimizers.AdamW(
        kerasseg.training.PolyDecay(1e-3, steps, warmup_steps=steps // 20),
        weight_decay=1e-3,
        clipnorm=5.0,
    )


def loss():
    return kerasseg.losses.SegmentationLoss(normalization="image")


def recipe():
    return kerasseg.training.Recipe(
        name="lrr_4x_nuclei",
        labels=NUCLEI,
        train=train,
        augmentation=kerasseg.data.Augmentation(
            crop_size=(256, 256), scale=(0.7, 2.0)
        ),
        batch_size=8,
        model=model,
        start_from=kerasseg.data.data_root() / BACKBONE,
        heads=kerasseg.models.lrr_heads,
        loss=loss(),
        head_losses={
            "32x": loss(),
            "16x": loss(),
            "8x": loss(),
            "dilation_erosion": kerasseg.losses.DilationErosionLoss(
                CLASSES, radius=8
            ),
        },
        optimizer=optimizer,
        epochs=20,
    )
