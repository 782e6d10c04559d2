"""The backbone on CamVid: what all decoders of the comparison start from.

MobileNetV2 learns street scenes under the plainest decoder, `bilinear`, so
that no learned decoder has an advantage. Each entry then trains its decoder
and the backbone together by one schedule, see the recipes beside this one.

Command: kerasseg train zoo/camvid_backbone/recipe.py --out runs/camvid_backbone
The result of that run is in camvid_backbone.safetensors (float16), written by
kerasseg.zoo.write_weights(kerasseg.zoo.load("runs/camvid_backbone/model"), ...)
Data: CamVid, 11 classes, train + val (468 images). Batch normalization learns
along: with the ImageNet statistics kept, mean IoU on val after 6 epochs on
train was 47.7 % instead of 53.1 %. The schedule was fixed before any other
score was seen.
Start: MobileNetV2 1.0 trained on ImageNet, a file in the folder that
KERASSEG_DATA names.
"""

import keras

import kerasseg
from kerasseg.data import CAMVID

IMAGENET = "backbones/mobilenet_v2_1.0_224_no_top_int8_dequantised.h5"
# Square roots of the median-frequency weights of the training masks (the
# largest a little less), so that thin classes count without drowning the
# rest; order of the class ids.
WEIGHTS = [0.53, 0.45, 2.19, 0.39, 1.0, 0.65, 1.96, 1.4, 0.89, 2.52, 2.5]


def train():
    return kerasseg.data.camvid("train+val").cached()


def model(start_from):
    backbone = kerasseg.backbones.mobilenet_v2(weights=start_from)
    return kerasseg.models.bilinear(
        CAMVID.num_classes, backbone, name="camvid_backbone"
    )


def optimizer(steps):
    return keras.optimizers.AdamW(
        kerasseg.training.PolyDecay(1e-3, steps, warmup_steps=steps // 20),
        weight_decay=1e-3,
        clipnorm=5.0,
    )


def recipe():
    return kerasseg.training.Recipe(
        name="camvid_backbone",
        labels=CAMVID,
        train=train,
        augmentation=kerasseg.data.Augmentation(
            crop_size=(320, 320), scale=(0.6, 1.8), brightness=0.5, gamma=0.4
        ),
        batch_size=8,
        model=model,
        start_from=kerasseg.data.data_root() / IMAGENET,
        loss=kerasseg.losses.SegmentationLoss(
            class_weights=WEIGHTS, normalization="image"
        ),
        optimizer=optimizer,
        epochs=40,
    )
