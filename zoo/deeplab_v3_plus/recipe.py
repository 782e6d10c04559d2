r"""DeepLabV3+ baseline on CamVid, MobileNetV2.

Paper: Chen et al., "Encoder-Decoder with Atrous Separable Convolution for
Semantic Image Segmentation", ECCV 2018. The backbone goes on to stride 32,
where the paper stops at 16: the atrous rates are 3, 6 and 9 instead of 6, 12
and 18. The width is 96 instead of 256, which takes 0.44 G multiply-adds at
352x480 beside the backbone's 1.0 G; the full width would take 1.9 G. Class
weights, optimizer and augmentation are this project's.

Command: kerasseg train zoo/deeplab_v3_plus/recipe.py \
             --out runs/deeplab_v3_plus
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
    return kerasseg.models.deeplab_v3_plus(
        CAMVID.num_classes, backbone, filters=96
    )


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
        name="deeplab_v3_plus",
        labels=CAMVID,
        train=train,
        augmentation=kerasseg.data.Augmentation(
            crop_size=(320, 320), scale=(0.6, 1.8), brightness=0.5, gamma=0.4
        ),
        batch_size=8,
        model=model,
        start_from=BACKBONE,
        loss=loss(),
        optimizer=optimizer,
        epochs=16,
    )
