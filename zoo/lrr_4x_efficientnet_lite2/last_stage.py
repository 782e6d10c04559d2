r"""LRR-4x on EfficientNet-Lite2, the second stage: larger crops.

Goes on from the result of recipe.py at a rate that falls to zero, as
zoo/lrr_4x_efficientnet_lite0/half_resolution.py does on Lite0.

Command: kerasseg train zoo/lrr_4x_efficientnet_lite2/last_stage.py \
             --start-from runs/lrr_4x_efficientnet_lite2/model \
             --out runs/lrr_4x_efficientnet_lite2_last_stage
Data: CamVid, 11 classes, train + val (468 images). The schedule was fixed
before any score was seen; nothing was chosen on the test images.

Reference: Hinton et al., "Distilling the Knowledge in a Neural Network", 2015,
https://arxiv.org/abs/1503.02531.
"""

import keras

import kerasseg
from kerasseg.data import CAMVID
from kerasseg.losses import LovaszSoftmaxLoss

# Square roots of the median-frequency weights of the training masks (the
# largest a little less), so that thin classes count without drowning the
# rest; order of the class ids.
WEIGHTS = [0.53, 0.45, 2.19, 0.39, 1.0, 0.65, 1.96, 1.4, 0.89, 2.52, 2.5]


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
        name="lrr_4x_efficientnet_lite2",
        labels=CAMVID,
        train=train,
        augmentation=kerasseg.data.Augmentation(
            crop_size=(320, 320), scale=(0.6, 1.8), brightness=0.5, gamma=0.4
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
        epochs=14,
        seed=2,
    )
