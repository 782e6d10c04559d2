"""LRR-4x on IDD-Lite, EfficientNet-Lite0, from ImageNet alone.

Command: kerasseg train zoo/lrr_4x_idd/recipe.py --out runs/lrr_4x_idd
Data: IDD-Lite, 7 classes, train (1403 images of 320x227); its 204 images of
val are for the score alone.
Nothing of this recipe was chosen on the images it is scored on; it was not
yet run to its end, and no weights are published with it.
Backbone: EfficientNet-Lite0 trained on ImageNet, the file BACKBONE in the
folder that KERASSEG_DATA names: `kerasseg data efficientnet_lite0` says how to
make it.
"""

from functools import partial

import keras

import kerasseg
from kerasseg.data import IDD_LITE
from kerasseg.losses import LovaszSoftmaxLoss
from kerasseg.losses import SegmentationLoss

CLASSES = IDD_LITE.num_classes
BACKBONE = "backbones/efficientnet_lite0_no_top.npz"
# Square roots of the median-frequency weights of the training masks (the
# largest a little less), in the order of the class ids.
WEIGHTS = [0.59, 2.27, 2.5, 1.18, 1.0, 0.66, 0.77]
AUGMENTATION = kerasseg.data.Augmentation(
    crop_size=(224, 256), scale=(0.7, 1.8), brightness=0.5, gamma=0.4
)


def train():
    return kerasseg.data.idd_lite("train").cached()


def model(start_from):
    backbone = kerasseg.backbones.efficientnet_lite(weights=start_from)
    bases = kerasseg.data.reconstruction_bases(
        [mask for _, mask in train()], CLASSES
    )
    return kerasseg.models.lrr(CLASSES, backbone, bases=bases)


def heads(model):
    outputs = kerasseg.models.lrr_heads(model, dilation_erosion=False).output
    every_second = model.output[:, 1::2, 1::2]
    return keras.Model(model.input, {**outputs, "iou": every_second})


def optimizer(steps):
    return keras.optimizers.AdamW(
        kerasseg.training.PolyDecay(7e-4, steps, warmup_steps=steps // 20),
        weight_decay=1e-3,
        clipnorm=5.0,
    )


def recipe():
    loss = partial(
        SegmentationLoss, class_weights=WEIGHTS, normalization="image"
    )
    return kerasseg.training.Recipe(
        name="lrr_4x_idd",
        labels=IDD_LITE,
        train=train,
        augmentation=AUGMENTATION,
        batch_size=8,
        model=model,
        start_from=kerasseg.data.data_root() / BACKBONE,
        loss=loss(),
        heads=heads,
        head_losses={
            **{level: loss() for level in ("32x", "16x", "8x")},
            "iou": LovaszSoftmaxLoss(),
        },
        optimizer=optimizer,
        epochs=60,
    )
