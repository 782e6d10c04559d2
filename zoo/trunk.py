"""The trunk on CamVid: what all decoders of the comparison start from.

MobileNetV2 learns street scenes under the plainest decoder, `bilinear`, so
that no learned decoder has an advantage. Each entry then trains its decoder
and the trunk together by the same schedule, see `zoo/*/recipe.py`.

Command: kerasseg train zoo/trunk.py --out runs/trunk
The result of that run is in trunk.weights.h5 (float16); to replace it:
kerasseg.zoo.write_weights(kerasseg.zoo.load("runs/trunk/model"), TRUNK).
Data: CamVid, 11 classes, train + val (468 images). Batch normalisation learns
along: with the ImageNet statistics kept, mean IoU on val after 6 epochs on
train was 47.7 % instead of 53.1 %. The schedule was fixed before any other
score was seen.
Backbone: MobileNetV2 1.0 trained on ImageNet, the file BACKBONE in the folder
that KERASSEG_DATA names.
"""

from functools import partial
from pathlib import Path

import keras

import kerasseg
from kerasseg.data import CAMVID

TRUNK = Path(__file__).with_name("trunk.weights.h5")
CLASSES = CAMVID.num_classes
BACKBONE = "backbones/mobilenet_v2_1.0_224_no_top_int8_dequantised.h5"
# Up to here, at a stride of 4, the trunk stays as it is when a decoder is
# trained on it: few weights, but a third of the time of a step.
LAST_FROZEN = "block_2_add"
# Square roots of the median-frequency weights of the training masks (the
# largest a little less), so that thin classes count without drowning the
# rest; order of the class ids.
WEIGHTS = [0.53, 0.45, 2.19, 0.39, 1.0, 0.65, 1.96, 1.4, 0.89, 2.52, 2.5]
AUGMENTATION = kerasseg.data.Augmentation(
    crop_size=(320, 320), scale=(0.6, 1.8), brightness=0.5, gamma=0.4
)


def train():
    return kerasseg.data.camvid("train+val").cached()


def model():
    return untrained(kerasseg.data.data_root() / BACKBONE)


def untrained(backbone_weights=None):
    backbone = kerasseg.backbones.mobilenet_v2(weights=backbone_weights)
    return kerasseg.models.bilinear(CLASSES, backbone, name="trunk")


def loss():
    return kerasseg.losses.SegmentationLoss(
        class_weights=WEIGHTS, normalization="image"
    )


def optimizer(steps, learning_rate=1e-3):
    return keras.optimizers.AdamW(
        kerasseg.training.PolyDecay(
            learning_rate, steps, warmup_steps=steps // 20
        ),
        weight_decay=1e-3,
        clipnorm=5.0,
    )


def recipe():
    return kerasseg.training.Recipe(
        name="trunk",
        train=train,
        augmentation=AUGMENTATION,
        batch_size=8,
        model=model,
        loss=loss(),
        optimizer=optimizer,
        epochs=40,
    )


def start(model):
    """Copies the trained trunk into the backbone of a model."""
    trunk = untrained()
    kerasseg.zoo.read_weights(trunk, TRUNK)
    trained = {v.path: v for v in trunk.weights}
    del trained["score/kernel"], trained["score/bias"]
    missing = set(trained) - {v.path for v in model.weights}
    if missing:
        raise ValueError(f"{model.name} has no {sorted(missing)[:3]}")
    for variable in model.weights:
        if variable.path in trained:
            variable.assign(trained[variable.path])
    return model


def freeze(model):
    """Freezes the first blocks of the backbone, up to LAST_FROZEN."""
    backbone = model.get_layer("mobilenet_v2")
    for layer in backbone.get_layer("mobilenet_v2_features").layers:
        layer.trainable = False
        if layer.name == LAST_FROZEN:
            break
    return model


def stage_2(name, model, epochs=16, **options):
    """The schedule of every entry, see `kerasseg.training.Recipe`.

    Args:
        name: Name of the entry.
        model: Function that returns the model, its backbone not yet trained.
        epochs: Number of epochs; 16 in the comparison of decoders.
        **options: Extra heads and their losses.
    """

    return kerasseg.training.Recipe(
        name=name,
        train=train,
        augmentation=AUGMENTATION,
        batch_size=8,
        model=lambda: freeze(start(model())),
        loss=loss(),
        optimizer=partial(optimizer, learning_rate=7e-4),
        epochs=epochs,
        **options,
    )
