r"""LRR-4x on EfficientNet-Lite0 with its finest level at half the resolution.

Goes on from the result of last_stage.py: the finest level reconstructs at half
the resolution, from the means of its bases over 2 x 2 pixels, and all learns
on at a rate that falls from its height to zero once more, on larger crops.
mean_of_two.py and distilled.py go on from here to the packaged weights.

Commands: kerasseg train zoo/lrr_4x_efficientnet_lite0/recipe.py \
              --out runs/lrr_4x_efficientnet_lite0
          kerasseg train zoo/lrr_4x_efficientnet_lite0/last_stage.py \
              --start-from runs/lrr_4x_efficientnet_lite0/model \
              --out runs/lrr_4x_efficientnet_lite0_last_stage
          kerasseg train zoo/lrr_4x_efficientnet_lite0/half_resolution.py \
              --out runs/lrr_4x_efficientnet_lite0_half_resolution
Data: CamVid, 11 classes, train + val (468 images). The schedule was fixed
before any score of it was seen; nothing was chosen on the test images.
"""

import keras

import kerasseg
from kerasseg.data import CAMVID
from kerasseg.losses import LovaszSoftmaxLoss

# Square roots of the median-frequency weights of the training masks (the
# largest a little less), so that thin classes count without drowning the
# rest; order of the class ids.
WEIGHTS = [0.53, 0.45, 2.19, 0.39, 1.0, 0.65, 1.96, 1.4, 0.89, 2.52, 2.5]


def train():
    return kerasseg.data.camvid("train+val").cached()


def model(start_from):
    full = kerasseg.zoo.load(start_from)
    backbone = full.get_layer("efficientnet_lite0")
    model = kerasseg.models.lrr(
        CAMVID.num_classes,
        backbone,
        bases=full.get_layer("reconstruction_4x").bases,
        finest_upsampling=2,
    )
    kerasseg.zoo.read_weights(
        model, start_from, skip=["reconstruction_4x/bases"]
    )
    # As in recipe.py, the backbone stays as it is up to a stride of 4.
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
        kerasseg.training.PolyDecay(7e-4, steps, warmup_steps=steps // 20),
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
        model=model,
        start_from="runs/lrr_4x_efficientnet_lite0_last_stage/model",
        loss=loss(),
        heads=heads,
        head_losses={
            "32x": loss(),
            "16x": loss(),
            "8x": loss(),
            "iou": LovaszSoftmaxLoss(),
        },
        optimizer=optimizer,
        epochs=20,
        seed=2,
    )
