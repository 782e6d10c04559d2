"""Stage 1 of LRR-4x on CamVid: the coarsest level alone.

As in the paper, the trunk learns under one prediction at stride 32 before the
finer levels join; a step then costs half as much.

Command: kerasseg train zoo/lrr_4x/stage_1.py --out runs/lrr_4x_stage_1
Data: CamVid, 11 classes, train + val (468 images).
Backbone: MobileNetV2 1.0 trained on ImageNet, the file BACKBONE in the folder
that KERASSEG_DATA names.
"""

import keras

import kerasseg
from kerasseg.data import CAMVID

CLASSES = CAMVID.num_classes
BACKBONE = "backbones/mobilenet_v2_1.0_224_no_top_int8_dequantised.h5"
# Square roots of the median-frequency weights of the training masks (the
# largest a little less), so that thin classes count without drowning the
# rest; order of the class ids.
WEIGHTS = [0.53, 0.45, 2.19, 0.39, 1.0, 0.65, 1.96, 1.4, 0.89, 2.52, 2.5]
AUGMENTATION = kerasseg.data.Augmentation(
    crop_size=(320, 320), scale=(0.6, 1.8), brightness=0.5, gamma=0.4
)


def train():
    return kerasseg.data.camvid("train+val").cached()


def backbone(weights):
    backbone = kerasseg.backbones.mobilenet_v2(weights=weights)
    # The first blocks see edges and colours, which ImageNet taught them; they
    # are also a third of the cost of a step.
    for layer in backbone.get_layer("mobilenet_v2_features").layers:
        layer.trainable = False
        if layer.name == "block_2_add":
            break
    return backbone


def model():
    return kerasseg.models.lrr(
        CLASSES,
        backbone(weights=kerasseg.data.data_root() / BACKBONE),
        level="32x",
        bases=kerasseg.data.reconstruction_bases(
            [mask for _, mask in train()], CLASSES
        ),
    )


def loss():
    return kerasseg.losses.SegmentationLoss(
        class_weights=WEIGHTS, normalization="image"
    )


def optimizer(steps):
    return keras.optimizers.AdamW(
        kerasseg.training.PolyDecay(1e-3, steps, warmup_steps=steps // 20),
        weight_decay=1e-3,
        clipnorm=5.0,
    )


def recipe():
    return kerasseg.training.Recipe(
        name="lrr_4x, stage 1",
        train=train,
        augmentation=AUGMENTATION,
        batch_size=8,
        model=model,
        loss=loss(),
        optimizer=optimizer,
        epochs=30,
    )
