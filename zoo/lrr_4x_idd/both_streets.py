"""LRR-4x on streets of India and of England, in the classes that both have.

Command: kerasseg train zoo/lrr_4x_idd/both_streets.py --out runs/both_streets
Data: IDD-Lite train (1403 images) and CamVid train + val (468 images), whose 11
classes are joined into the 7 of IDD-Lite. The schedule was fixed before any
score was seen; nothing was chosen on the images it is scored on.
Start: the packaged lrr_4x_idd, its finest level at half the resolution. Blocks
up to stride 4 stay as they are.
"""

from functools import partial

import keras

import kerasseg
from kerasseg.data import CAMVID
from kerasseg.data import IDD_LITE
from kerasseg.losses import LovaszSoftmaxLoss
from kerasseg.losses import SegmentationLoss

JOINED = CAMVID.remap(
    {
        "drivable": "Road",
        "non-drivable": "Pavement",
        "living things": ("Pedestrian", "Bicyclist"),
        "vehicles": "Car",
        "roadside objects": ("Pole", "SignSymbol", "Fence"),
        "far objects": ("Building", "Tree"),
        "sky": "Sky",
    }
)
# Those of recipe.py.
WEIGHTS = [0.59, 2.27, 2.5, 1.18, 1.0, 0.66, 0.77]


def train():
    india = kerasseg.data.idd_lite("train")
    england = kerasseg.data.camvid("train+val")
    return [
        *india,
        *((image, JOINED.encode(mask)) for image, mask in england),
    ]


def model(start_from):
    start = kerasseg.zoo.load(start_from)
    backbone = start.get_layer("efficientnet_lite0")
    model = kerasseg.models.lrr(
        IDD_LITE.num_classes,
        backbone,
        bases=start.get_layer("reconstruction_4x").bases,
        finest_upsampling=2,
    )
    kerasseg.zoo.read_weights(
        model, start_from, skip=["reconstruction_4x/bases"]
    )
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
        name="both_streets",
        labels=IDD_LITE,
        train=train,
        augmentation=kerasseg.data.Augmentation(
            crop_size=(224, 256), scale=(0.7, 1.8), brightness=0.5, gamma=0.4
        ),
        batch_size=8,
        model=model,
        start_from="lrr_4x_idd",
        loss=loss(),
        heads=heads,
        head_losses={
            **{level: loss() for level in ("32x", "16x", "8x")},
            "iou": LovaszSoftmaxLoss(),
        },
        optimizer=optimizer,
        epochs=8,
    )
