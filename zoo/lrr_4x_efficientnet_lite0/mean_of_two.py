r"""The mean of two trainings of LRR-4x on EfficientNet-Lite0.

Two runs of half_resolution.py that differ in their seed alone begin at the same
weights and end near each other; the mean of their weights is then trained at a
small rate, through which batch normalization finds its moments.

Commands: kerasseg train zoo/lrr_4x_efficientnet_lite0/half_resolution.py \
              --out runs/lrr_4x_efficientnet_lite0_half_resolution
          kerasseg train zoo/lrr_4x_efficientnet_lite0/half_resolution.py \
              --seed 3 --out runs/lrr_4x_efficientnet_lite0_seed_3
          kerasseg train zoo/lrr_4x_efficientnet_lite0/mean_of_two.py \
              --out runs/lrr_4x_efficientnet_lite0_mean_of_two
          of two others, such as the results of distilled.py:
          kerasseg train zoo/lrr_4x_efficientnet_lite0/mean_of_two.py \
              --start-from ONE --set model.other=ANOTHER --out DIR
Data: CamVid, 11 classes, train + val (468 images). The schedule was fixed
before any score of it was seen; nothing was chosen on the test images.

Reference: Wortsman et al., "Model soups", ICML 2022,
https://arxiv.org/abs/2203.05482.
"""

import functools

import keras

import kerasseg
from kerasseg.data import CAMVID
from kerasseg.losses import LovaszSoftmaxLoss

OTHER = "runs/lrr_4x_efficientnet_lite0_seed_3/model"
# Square roots of the median-frequency weights of the training masks (the
# largest a little less), so that thin classes count without drowning the
# rest; order of the class ids.
WEIGHTS = [0.53, 0.45, 2.19, 0.39, 1.0, 0.65, 1.96, 1.4, 0.89, 2.52, 2.5]


def train():
    return kerasseg.data.camvid("train+val").cached()


def model(start_from, other):
    model = kerasseg.zoo.load(start_from)
    second_model = kerasseg.zoo.load(other)
    pairs = zip(model.weights, second_model.weights, strict=True)
    for weight, second in pairs:
        weight.assign((weight + second) / 2)
    # As in recipe.py, the backbone stays as it is up to a stride of 4.
    backbone = model.get_layer("efficientnet_lite0")
    for layer in backbone.get_layer("efficientnet_lite0_features").layers:
        layer.trainable = False
        if layer.name == "block2_add":
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
        kerasseg.training.PolyDecay(1e-4, steps, warmup_steps=steps // 20),
        weight_decay=1e-3,
        clipnorm=5.0,
    )


def recipe():
    return kerasseg.training.Recipe(
        name="lrr_4x_efficientnet_lite0",
        labels=CAMVID,
        train=train,
        augmentation=kerasseg.data.Augmentation(
            crop_size=(320, 320), scale=(0.6, 1.8), brightness=0.5, gamma=0.4
        ),
        batch_size=8,
        model=functools.partial(model, other=OTHER),
        start_from="runs/lrr_4x_efficientnet_lite0_half_resolution/model",
        loss=loss(),
        heads=heads,
        head_losses={
            "32x": loss(),
            "16x": loss(),
            "8x": loss(),
            "iou": LovaszSoftmaxLoss(),
        },
        optimizer=optimizer,
        epochs=2,
    )
