r"""LRR-4x on EfficientNet-Lite2, the second stage: whole images.

Goes on from the result of recipe.py at a rate that falls to zero, on nearly
whole images with boundaries weighted, as
zoo/lrr_4x_efficientnet_lite0/boundaries.py does on Lite0.

Command: kerasseg train zoo/lrr_4x_efficientnet_lite2/last_stage.py \
             --start-from runs/lrr_4x_efficientnet_lite2/model \
             --out runs/lrr_4x_efficientnet_lite2_last_stage
Data: CamVid, 11 classes, train + val (468 images). The schedule was fixed
before any score was seen; nothing was chosen on the test images.

References: Hinton et al., "Distilling the Knowledge in a Neural Network", 2015,
https://arxiv.org/abs/1503.02531. Ronneberger, Fischer and Brox, "U-Net",
MICCAI 2015, https://arxiv.org/abs/1505.04597.
"""

import keras

import kerasseg
from kerasseg.data import CAMVID
from kerasseg.losses import LovaszSoftmaxLoss

# Fourth roots of the median-frequency weights of the training masks, about;
# order of the class ids.
WEIGHTS = [0.73, 0.67, 1.48, 0.62, 1.0, 0.81, 1.4, 1.18, 0.94, 1.59, 1.58]


def train():
    return kerasseg.data.camvid("train+val").cached()


def model(start_from):
    model = kerasseg.zoo.load(start_from)
    # As in recipe.py, the backbone stays as it is up to a stride of 4.
    backbone = model.get_layer("efficientnet_lite2")
    for layer in backbone.get_layer("efficientnet_lite2_features").layers:
        layer.trainable = False
        if layer.name == "block3_add":
            break
    return model


def heads(model):
    outputs = kerasseg.models.lrr_heads(model, dilation_erosion=False).output
    every_second = model.output[:, 1::2, 1::2]
    return keras.Model(model.input, {**outputs, "iou": every_second})


def loss():
    return kerasseg.losses.BoundaryWeightedLoss(
        boundary_weight=2.0,
        sigma=2.0,
        class_weights=WEIGHTS,
        normalization="image",
    )


def optimizer(steps):
    return keras.optimizers.AdamW(
        kerasseg.training.PolyDecay(5e-4, steps, warmup_steps=steps // 20),
        weight_decay=1e-3,
        clipnorm=5.0,
    )


def recipe():
    return kerasseg.training.Recipe(
        name="lrr_4x_efficientnet_lite2",
        labels=CAMVID,
        train=train,
        augmentation=kerasseg.data.Augmentation(
            crop_size=(352, 480),
            scale=(0.8, 1.25),
            brightness=0.2,
            contrast=0.2,
            saturation=0.2,
            gamma=0.2,
        ),
        batch_size=8,
        model=model,
        start_from="runs/lrr_4x_efficientnet_lite2/model",
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
        epochs=8,
        seed=2,
    )
