r"""LRR-4x on EfficientNet-Lite0, the end: whole images, classes unweighted.

Goes on from the mean of the two results of distilled.py, which mean_of_two.py
makes. The stages before see crops at many scales and in many lights, with rare
classes weighted up; of the training images, the model then claims more poles
and pedestrians than there are (recall 74 and 90 %, precision 59 and 77 %). Here
it learns from nearly whole images at about their own scale, all classes alike,
at a rate that falls to zero.

Command: kerasseg train zoo/lrr_4x_efficientnet_lite0/whole_images.py \
             --out runs/lrr_4x_efficientnet_lite0_whole_images
Data: CamVid, 11 classes, train + val (468 images). The schedule was fixed
before any score of it was seen; nothing was chosen on the test images.

Reference: Touvron et al., "Fixing the train-test resolution discrepancy",
NeurIPS 2019, https://arxiv.org/abs/1906.06423.
"""

import keras

import kerasseg
from kerasseg.data import CAMVID
from kerasseg.losses import LovaszSoftmaxLoss


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
    return kerasseg.losses.SegmentationLoss(normalization="image")


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
