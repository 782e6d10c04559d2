r"""LRR-4x on EfficientNet-Lite0, taught by its own mean over three scales.

Goes on from the result of mean_of_two.py. The teacher is that same model: its
class probabilities at 0.75, 1 and 1.25 times the size of the crop, averaged.
What takes it three passes, the student learns to do in one.

Commands: kerasseg train zoo/lrr_4x_efficientnet_lite0/distilled.py \
              --out runs/lrr_4x_efficientnet_lite0_distilled
          without the teacher, for comparison:
          kerasseg train zoo/lrr_4x_efficientnet_lite0/distilled.py \
              --set teacher=None --out runs/lrr_4x_efficientnet_lite0_alone
Data: CamVid, 11 classes, train + val (468 images). Schedule, temperature and
weight were fixed before any score of it was seen; nothing was chosen on the
test images.

Reference: Hinton et al., "Distilling the Knowledge in a Neural Network", 2015,
https://arxiv.org/abs/1503.02531.
"""

import keras
from keras import ops

import kerasseg
from kerasseg.data import CAMVID
from kerasseg.losses import LovaszSoftmaxLoss

ENTRY = "lrr_4x_efficientnet_lite0"
START = "zoo/lrr_4x_efficientnet_lite0/mean_of_two.safetensors"
CROP = (320, 320)
SCALES = (0.75, 1.0, 1.25)
# Square roots of the median-frequency weights of the training masks (the
# largest a little less), so that thin classes count without drowning the
# rest; order of the class ids.
WEIGHTS = [0.53, 0.45, 2.19, 0.39, 1.0, 0.65, 1.96, 1.4, 0.89, 2.52, 2.5]


def train():
    return kerasseg.data.camvid("train+val").cached()


def model(start_from):
    model = kerasseg.zoo.load(ENTRY, weights=start_from)
    # As in recipe.py, the backbone stays as it is up to a stride of 4.
    backbone = model.get_layer("efficientnet_lite0")
    for layer in backbone.get_layer("efficientnet_lite0_features").layers:
        layer.trainable = False
        if layer.name == "block2_add":
            break
    return model


def teacher():
    model = kerasseg.zoo.load(ENTRY, weights=START)
    images = keras.Input((*CROP, 3))
    maps = []
    for scale in SCALES:
        size = [round(scale * side) for side in CROP]
        logits = model(ops.image.resize(images, size))
        maps.append(ops.image.resize(ops.softmax(logits), CROP))
    mean = ops.mean(ops.stack(maps), axis=0)
    return keras.Model(images, ops.log(mean + 1e-7))


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
        kerasseg.training.PolyDecay(5e-4, steps, warmup_steps=steps // 20),
        weight_decay=1e-3,
        clipnorm=5.0,
    )


def recipe():
    return kerasseg.training.Recipe(
        name="lrr_4x_efficientnet_lite0",
        labels=CAMVID,
        train=train,
        augmentation=kerasseg.data.Augmentation(
            crop_size=CROP, scale=(0.6, 1.8), brightness=0.5, gamma=0.4
        ),
        batch_size=8,
        model=model,
        start_from=START,
        loss=loss(),
        heads=heads,
        head_losses={
            "32x": loss(),
            "16x": loss(),
            "8x": loss(),
            "iou": LovaszSoftmaxLoss(),
        },
        teacher=teacher,
        distillation=kerasseg.losses.DistillationLoss(
            temperature=2.0, weight=2.0
        ),
        optimizer=optimizer,
        epochs=12,
        seed=4,
    )
