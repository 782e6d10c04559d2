r"""FCN-8s on CamVid, EfficientNet-Lite0: from ImageNet, or IDD-Lite too.

The backbone is that of LRR-4x as it learned from CamVid after ImageNet, or,
with the second command, as it learned from IDD-Lite after that. The decoder
starts anew. Losses, optimizer and augmentation are those of
zoo/lrr_4x_efficientnet_lite0/last_stage.py.

Commands: kerasseg train zoo/fcn_8s/efficientnet_lite0.py \
              --out runs/fcn_8s_efficientnet_lite0
          kerasseg train zoo/fcn_8s/efficientnet_lite0.py \
              --start-from runs/lrr_4x_idd/model \
              --out runs/fcn_8s_efficientnet_lite0_after_idd
Start: zoo/lrr_4x_efficientnet_lite0/last_stage.py; zoo/lrr_4x_idd/recipe.py.
Data: CamVid, 11 classes, train + val (468 images). The schedule was fixed
before any score was seen; nothing was chosen on the test images.
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
    # Of what learned from CamVid or IDD-Lite before, the backbone alone.
    start = kerasseg.zoo.load(start_from)
    backbone = start.get_layer("efficientnet_lite0")
    # Up to a stride of 4 it stays as it is: few weights, but a third of the
    # time of a step.
    for layer in backbone.get_layer("efficientnet_lite0_features").layers:
        layer.trainable = False
        if layer.name == "block2_add":
            break
    return kerasseg.models.fcn(CAMVID.num_classes, backbone, variant="8s")


def heads(model):
    every_second = model.output[:, 1::2, 1::2]
    return keras.Model(
        model.input, {"logits": model.output, "iou": every_second}
    )


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
        name="fcn_8s_efficientnet_lite0",
        labels=CAMVID,
        train=train,
        augmentation=kerasseg.data.Augmentation(
            crop_size=(256, 256), scale=(0.6, 1.8), brightness=0.5, gamma=0.4
        ),
        batch_size=8,
        model=model,
        start_from="runs/lrr_4x_efficientnet_lite0_last_stage/model",
        loss=loss(),
        heads=heads,
        head_losses={"iou": LovaszSoftmaxLoss()},
        optimizer=optimizer,
        epochs=12,
    )
