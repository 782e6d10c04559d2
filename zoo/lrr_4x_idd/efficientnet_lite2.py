r"""LRR-4x on IDD-Lite, EfficientNet-Lite2, from ImageNet alone.

The stage before CamVid of zoo/lrr_4x_efficientnet_lite2/short.py,
whose terms these are, on the crops of recipe.py.

Command: kerasseg train zoo/lrr_4x_idd/efficientnet_lite2.py \
             --out runs/lrr_4x_idd_efficientnet_lite2
Data: IDD-Lite, 7 classes, train (1403 images of 227x320). The schedule was
fixed before any score was seen.
Backbone: EfficientNet-Lite2 trained on ImageNet, the file BACKBONE in the
folder that KERASSEG_DATA names: `kerasseg data efficientnet_lite2` says how to
make it.
"""

import keras

import kerasseg
from kerasseg.data import IDD_LITE
from kerasseg.losses import LovaszSoftmaxLoss

BACKBONE = "backbones/efficientnet_lite2_no_top.npz"
# Square roots of the median-frequency weights of the training masks (the
# largest a little less), in the order of the class ids.
WEIGHTS = [0.59, 2.27, 2.5, 1.18, 1.0, 0.66, 0.77]


def train():
    return kerasseg.data.idd_lite("train").cached()


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
        [mask for _, mask in train()], IDD_LITE.num_classes
    )
    return kerasseg.models.lrr(
        IDD_LITE.num_classes, backbone, bases=bases, finest_upsampling=2
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
        kerasseg.training.PolyDecay(7e-4, steps, warmup_steps=steps // 20),
        weight_decay=1e-3,
        clipnorm=5.0,
    )


def recipe():
    return kerasseg.training.Recipe(
        name="lrr_4x_idd_efficientnet_lite2",
        labels=IDD_LITE,
        train=train,
        augmentation=kerasseg.data.Augmentation(
            crop_size=(224, 256), scale=(0.7, 1.8), brightness=0.5, gamma=0.4
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
        optimizer=optimizer,
        epochs=6,
    )
