r"""LRR-4x on EfficientNet-Lite2, CamVid, taught by the entry on Lite0.

Does the larger backbone pay with a schedule as long as that of Lite0? The
first of two stages, at a constant rate; last_stage.py goes on from it. The
teacher is the packaged lrr_4x_efficientnet_lite0, which also began with
ImageNet and learned from the same images of CamVid.

Command: kerasseg train zoo/lrr_4x_efficientnet_lite2/recipe.py \
             --out runs/lrr_4x_efficientnet_lite2
Data: CamVid, 11 classes, train + val (468 images). The schedule of both stages
was fixed before any score was seen; nothing was chosen on the test images.
Backbone: EfficientNet-Lite2 trained on ImageNet, the file BACKBONE in the
folder that KERASSEG_DATA names: `kerasseg data efficientnet_lite2` says how to
make it.

Reference: Hinton et al., "Distilling the Knowledge in a Neural Network", 2015,
https://arxiv.org/abs/1503.02531.
"""

import keras

import kerasseg
from kerasseg.data import CAMVID
from kerasseg.losses import LovaszSoftmaxLoss

BACKBONE = "backbones/efficientnet_lite2_no_top.npz"
# Square roots of the median-frequency weights of the training masks (the
# largest a little less), so that thin classes count without drowning the
# rest; order of the class ids.
WEIGHTS = [0.53, 0.45, 2.19, 0.39, 1.0, 0.65, 1.96, 1.4, 0.89, 2.52, 2.5]


def train():
    return kerasseg.data.camvid("train+val").cached()


def model(start_from):
    backbone = kerasseg.backbones.efficientnet_lite(
        variant=2, weights=start_from
    )
    # Up to a stride of 4, the backbone stays as ImageNet left it.
    for layer in backbone.get_layer("efficientnet_lite2_features").layers:
        layer.trainable = False
        if layer.name == "block3_add":
            break
    bases = kerasseg.data.reconstruction_bases(
        [mask for _, mask in train()], CAMVID.num_classes
    )
    return kerasseg.models.lrr(
        CAMVID.num_classes, backbone, bases=bases, finest_upsampling=2
    )


def heads(model):
    outputs = kerasseg.models.lrr_heads(model, dilation_erosion=False).output
    every_second = model.output[:, 1::2, 1::2]
    return keras.Model(model.input, {**outputs, "iou": every_second})


def loss():
    return kerasseg.losses.SegmentationLoss(
        class_weights=WEIGHTS, normalization="image"
    )


def optimizer(steps):
    return keras.optimizers.AdamW(
        # A power of zero: constant after the warm-up.
        kerasseg.training.PolyDecay(7e-4, steps, power=0, warmup_steps=100),
        weight_decay=1e-3,
        clipnorm=5.0,
    )


def recipe():
    return kerasseg.training.Recipe(
        name="lrr_4x_efficientnet_lite2",
        labels=CAMVID,
        train=train,
        augmentation=kerasseg.data.Augmentation(
            crop_size=(256, 256), scale=(0.6, 1.8), brightness=0.5, gamma=0.4
        ),
        batch_size=8,
        model=model,
        start_from=kerasseg.data.data_root() / BACKBONE,
        loss=loss(),
        heads=heads,
        head_losses={
            "32x": loss(),
            "16x": loss(),
            "8x": loss(),
            "iou": LovaszSoftmaxLoss(),
        },
        teacher=lambda: kerasseg.zoo.load("lrr_4x_efficientnet_lite0"),
        optimizer=optimizer,
        epochs=44,
    )
