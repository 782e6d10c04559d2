"""LRR-4x on IDD-Lite, EfficientNet-Lite0, from ImageNet and then CamVid.

Command: kerasseg train zoo/lrr_4x_idd/recipe.py --out runs/lrr_4x_idd
Data: IDD-Lite, 7 classes, train (1403 images of 227x320); its 204 images of
val are for the score alone. The schedule was fixed before any score was seen;
nothing of this recipe was chosen on the images it is scored on.
Start: what zoo/lrr_4x_efficientnet_lite0/last_stage.py made of CamVid; what
depends on the number of classes starts anew. Blocks up to stride 4 stay as they
are.
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
    start = kerasseg.zoo.load(start_from)
    backbone = start.get_layer("efficientnet_lite0")
    model = kerasseg.models.lrr(CLASSES, backbone)
    # What depends on the number of classes starts anew.
    anew = ("coefficients_32x/", "reconstruction_")
    skip = [w.path for w in model.weights if w.path.startswith(anew)]
    kerasseg.zoo.read_weights(model, start_from, skip=skip)
    # Up to a stride of 4, the backbone stays as it is.
    for layer in backbone.get_layer("efficientnet_lite0_features").layers:
        layer.trainable = False
        if layer.name == "block2_add":
            break
    return model


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
        start_from=START,
        loss=loss(),
        heads=heads,
        head_losses={
            **{level: loss() for level in ("32x", "16x", "8x")},
            "iou": LovaszSoftmaxLoss(),
        },
        optimizer=optimizer,
        epochs=8,
    )
