"""LRR-4x on animals and people, EfficientNet-Lite0, from ImageNet alone.

Command: kerasseg train zoo/lrr_4x_animals/recipe.py --out runs/lrr_4x_animals
Data: animals and people of Pascal VOC 2012, 7 classes, train (3131
images); its 445 images of val, a part of VOC's, are for the score alone, which
cannot be compared with published ones.
The schedule was fixed before any score was seen; nothing of this recipe was
chosen on the images it is scored on.
Backbone: EfficientNet-Lite0 trained on ImageNet, the file BACKBONE in the
folder that KERASSEG_DATA names: `kerasseg data efficientnet_lite0` says how to
make it.
"""

from functools import partial

import keras

import kerasseg
from kerasseg.data import ANIMALS
from kerasseg.losses import LovaszSoftmaxLoss
from kerasseg.losses import SegmentationLoss

CLASSES = ANIMALS.num_classes
BACKBONE = "backbones/efficientnet_lite0_no_top.npz"
AUGMENTATION = kerasseg.data.Augmentation(
    crop_size=(256, 256), scale=(0.4, 1.2), brightness=0.5, gamma=0.4
)


def train():
    return kerasseg.data.animals("train").cached()


def model(start_from):
    backbone = kerasseg.backbones.efficientnet_lite(weights=start_from)
    # Up to a stride of 4, the backbone stays as ImageNet left it.
    for layer in backbone.get_layer("efficientnet_lite0_features").layers:
        layer.trainable = False
        if layer.name == "block2_add":
            break
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
    loss = partial(SegmentationLoss, normalization="image")
    return kerasseg.training.Recipe(
        name="lrr_4x_animals",
        labels=ANIMALS,
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
        epochs=10,
    )
