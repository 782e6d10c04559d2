r"""DeepLabV3+ on the terms of lrr_4x_idd, to compare with.

Paper: Chen et al., "Encoder-Decoder with Atrous Separable Convolution for
Semantic Image Segmentation", ECCV 2018. The width is 96, as in this project's
DeepLabV3+ on CamVid.

Command: kerasseg train zoo/lrr_4x_idd/deeplab_v3_plus.py \
             --out runs/deeplab_v3_plus_idd
Data, schedule, augmentation and optimizer: those of recipe.py here. Without
LRR's levels to supervise, the losses are those of its output alone.
Start: the backbone of what recipe.py starts from; the decoder starts anew.
"""

from functools import partial

import keras

import kerasseg
from kerasseg.data import IDD_LITE
from kerasseg.losses import LovaszSoftmaxLoss
from kerasseg.losses import SegmentationLoss

CLASSES = IDD_LITE.num_classes
START = "runs/lrr_4x_efficientnet_lite0_last_stage/model"
# Square roots of the median-frequency weights of the training masks (the
# largest a little less), in the order of the class ids.
WEIGHTS = [0.59, 2.27, 2.5, 1.18, 1.0, 0.66, 0.77]
AUGMENTATION = kerasseg.data.Augmentation(
    crop_size=(224, 256), scale=(0.7, 1.8), brightness=0.5, gamma=0.4
)


def train():
    return kerasseg.data.idd_lite("train").cached()


def model(start_from):
    trained = kerasseg.zoo.load(start_from)
    backbone = trained.get_layer("efficientnet_lite0")
    # Up to a stride of 4, the backbone stays as it is.
    for layer in backbone.get_layer("efficientnet_lite0_features").layers:
        layer.trainable = False
        if layer.name == "block2_add":
            break
    return kerasseg.models.deeplab_v3_plus(CLASSES, backbone, filters=96)


def heads(model):
    every_second = model.output[:, 1::2, 1::2]
    return keras.Model(
        model.input, {"logits": model.output, "iou": every_second}
    )


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
        name="deeplab_v3_plus_idd",
        labels=IDD_LITE,
        train=train,
        augmentation=AUGMENTATION,
        batch_size=8,
        model=model,
        start_from=START,
        loss=loss(),
        heads=heads,
        head_losses={"iou": LovaszSoftmaxLoss()},
        optimizer=optimizer,
        epochs=8,
    )
