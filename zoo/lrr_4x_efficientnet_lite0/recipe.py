r"""LRR-4x on CamVid, EfficientNet-Lite0, from ImageNet alone.

The first of three stages: decoder and backbone learn together from the start,
without the backbone of the comparison, at a constant rate, on crops of 256 x
256. As the rate does not fall, the run may be stopped after any epoch;
last_stage.py lets it fall, half_resolution.py makes the result faster. The
paper's dilation/erosion heads are left out.

Commands: kerasseg train zoo/lrr_4x_efficientnet_lite0/recipe.py \
              --out runs/lrr_4x_efficientnet_lite0
          kerasseg train zoo/lrr_4x_efficientnet_lite0/last_stage.py \
              --out runs/lrr_4x_efficientnet_lite0_last_stage
          kerasseg train zoo/lrr_4x_efficientnet_lite0/half_resolution.py \
              --out runs/lrr_4x_efficientnet_lite0_half_resolution
Data: CamVid, 11 classes, train + val (468 images). The schedules were fixed
before any score was seen, but for the number of epochs, which the time at hand
decided; nothing was chosen on the test images.
Backbone: EfficientNet-Lite0 trained on ImageNet, the file BACKBONE in the
folder that KERASSEG_DATA names: `kerasseg data efficientnet_lite0` says how to
make it.
"""

from functools import partial

import keras

import kerasseg
from kerasseg.data import CAMVID

BACKBONE = "backbones/efficientnet_lite0_no_top.npz"
# Square roots of the median-frequency weights of the training masks (the
# largest a little less), so that thin classes count without drowning the
# rest; order of the class ids.
WEIGHTS = [0.53, 0.45, 2.19, 0.39, 1.0, 0.65, 1.96, 1.4, 0.89, 2.52, 2.5]


def train():
    return kerasseg.data.camvid("train+val").cached()


def model(start_from):
    backbone = kerasseg.backbones.efficientnet_lite(weights=start_from)
    # Up to a stride of 4, the backbone stays as ImageNet left it.
    for layer in backbone.get_layer("efficientnet_lite0_features").layers:
        layer.trainable = False
        if layer.name == "block2_add":
            break
    bases = kerasseg.data.reconstruction_bases(
        [mask for _, mask in train()], CAMVID.num_classes
    )
    return kerasseg.models.lrr(CAMVID.num_classes, backbone, bases=bases)


def loss():
    return kerasseg.losses.SegmentationLoss(
        class_weights=WEIGHTS, normalization="image"
    )


def optimizer(steps):
    return keras.optimizers.AdamW(
        # A power of zero: constant after the warm-up.
        kerasseg.training.PolyDecay(7e-4, steps, power=0, warmup_steps=100),
        weight_decay=1e-3,
        clipnorm=5.0,
    )


def recipe():
    return kerasseg.training.Recipe(
        name="lrr_4x_efficientnet_lite0",
        labels=CAMVID,
        train=train,
        augmentation=kerasseg.data.Augmentation(
            crop_size=(256, 256), scale=(0.6, 1.8), brightness=0.5, gamma=0.4
        ),
        batch_size=8,
        model=model,
        start_from=kerasseg.data.data_root() / BACKBONE,
        loss=loss(),
        heads=partial(kerasseg.models.lrr_heads, dilation_erosion=False),
        head_losses={"32x": loss(), "16x": loss(), "8x": loss()},
        optimizer=optimizer,
        epochs=60,
    )
