"""LRR-4x on CamVid, MobileNetV2.

Paper: Ghiasi and Fowlkes, "Laplacian Pyramid Reconstruction and Refinement
for Semantic Segmentation", ECCV 2016. Losses, masks and dilation/erosion
heads are the paper's; the trunk, the light head, the optimizer and the
augmentation are this project's.

Command: kerasseg train zoo/lrr_4x/recipe.py --out runs/lrr_4x
Data: CamVid, 11 classes, train + val (468 images). The schedule was fixed
before any score was seen; nothing was chosen on the test images.
Backbone: KERASSEG_DATA/backbones/mobilenet_v2_1.0_224_no_top_int8_dequantised.h5
"""

import keras

import kerasseg
from kerasseg.data import CAMVID

CLASSES = CAMVID.num_classes
BACKBONE = "backbones/mobilenet_v2_1.0_224_no_top_int8_dequantised.h5"
# Square roots of the median-frequency weights of the training masks, so that
# thin classes count without drowning the rest; order of the class ids.
WEIGHTS = [0.53, 0.45, 2.19, 0.39, 1.0, 0.65, 1.96, 1.4, 0.89, 2.52, 2.5]


def train():
    return kerasseg.data.camvid("train+val").cached()


def model(mask=True):
    masks = [mask for _, mask in train()]
    backbone = kerasseg.backbones.mobilenet_v2(
        weights=kerasseg.data.data_root() / BACKBONE
    )
    # The first blocks see edges and colours, which ImageNet taught them; they
    # are also a third of the cost of a step.
    for layer in backbone.get_layer("mobilenet_v2_features").layers:
        layer.trainable = False
        if layer.name == "block_2_add":
            break
    return kerasseg.models.lrr(
        CLASSES,
        backbone,
        mask=mask,
        bases=kerasseg.data.reconstruction_bases(masks, CLASSES),
        name="lrr_4x",
    )


def optimizer(steps):
    return keras.optimizers.AdamW(
        kerasseg.training.PolyDecay(1e-3, steps, warmup_steps=steps // 50),
        weight_decay=1e-3,
        clipnorm=5.0,
    )


def loss():
    return kerasseg.losses.SegmentationLoss(
        class_weights=WEIGHTS, normalization="image"
    )


def recipe():
    return kerasseg.training.Recipe(
        name="lrr_4x",
        train=train,
        augmentation=kerasseg.data.Augmentation(
            crop_size=(320, 320),
            scale=(0.6, 1.8),
            brightness=0.5,
            gamma=0.4,
        ),
        batch_size=8,
        model=model,
        heads=kerasseg.models.lrr_heads,
        loss=loss(),
        head_losses={
            "32x": loss(),
            "16x": loss(),
            "8x": loss(),
            "dilation_erosion": kerasseg.losses.DilationErosionLoss(CLASSES),
        },
        optimizer=optimizer,
        epochs=90,
    )
