r"""LRR-4x on Pascal VOC, VGG-16: all levels, from a trained LRR-32x.

Paper: as recipe.py. The three finer levels start at zero and all four are
trained for 16 epochs at a sixteenth of the rate, each by its own loss at its
stride, with the losses on dilated and eroded masks; a finer level's
coefficients learn more slowly.

Commands: kerasseg train zoo/lrr_4x_vgg16/recipe.py --out runs/lrr_4x_vgg16
          kerasseg train zoo/lrr_4x_vgg16/last_stage.py \
              --out runs/lrr_4x_vgg16_last_stage
          kerasseg evaluate runs/lrr_4x_vgg16_last_stage/model \
              --protocol voc2011
Data: as recipe.py. Its means, its bases and its weights come with the start.
Start: LRR-32x as recipe.py trains it, or with --start-from another run of it.
Published on seg11valid, Pascal VOC alone: mean IoU 71.1 %; 73.6 % with
`--scales 0.6 0.8 1 --fuse max`.
This recipe was not run to its end, and no weights are published with it.

Deviations: those of recipe.py; and the heads of dilation and erosion, which
are not saved with a model, start anew. They learn at the rate of the coarsest
level's coefficients.
"""

import kerasseg
from kerasseg.data import VOC
from kerasseg.losses import DilationErosionLoss
from kerasseg.losses import SegmentationLoss
from kerasseg.training import L2SGD
from kerasseg.training import LearningRateMultipliers

CLASSES = VOC.num_classes


def train():
    held_out = set(kerasseg.data.load("voc", "seg11valid").names)
    voc = kerasseg.data.load("voc", "train+val")
    sbd = kerasseg.data.load("sbd", "train+val")
    known = set(voc.names)
    labeled = kerasseg.data.merge(voc, sbd.subset(lambda n: n not in known))
    return labeled.subset(lambda name: name not in held_out)


def model(start_from):
    coarse = kerasseg.zoo.load(start_from)
    model = kerasseg.models.lrr(
        CLASSES,
        coarse.get_layer("vgg16"),
        bases=coarse.get_layer("reconstruction_32x").bases,
        head="paper",
    )
    first = coarse.get_layer("coefficients_32x")
    model.get_layer(first.name).set_weights(first.get_weights())
    return model


def heads(model):
    return kerasseg.models.lrr_heads(model, background=0)


def loss():
    return SegmentationLoss(normalization="image")


def optimizer(steps):
    return LearningRateMultipliers(
        L2SGD(1e-3 / 16, momentum=0.9, weight_decay=5e-4),
        {
            "coefficients_(32x|dilation|erosion)/kernel": 0.1,
            "coefficients_16x/kernel": 0.05,
            "coefficients_8x/kernel": 0.0125,
            "coefficients_4x/kernel": 0.1 / 512,
            ".*bias": 2.0,
        },
    )


def recipe():
    return kerasseg.training.Recipe(
        name="lrr_4x_vgg16",
        labels=VOC,
        train=train,
        augmentation=kerasseg.data.Augmentation(
            crop_size=(384, 384),
            # Longer sides of 500 pixels become 288 to 704.
            scale=(0.576, 1.408),
            brightness=0.0,
            contrast=0.0,
            saturation=0.0,
            gamma=0.0,
            fill=128,
        ),
        batch_size=20,
        model=model,
        start_from="runs/lrr_4x_vgg16/model",
        loss=loss(),
        heads=heads,
        head_losses={
            "32x": loss(),
            "16x": loss(),
            "8x": loss(),
            "dilation_erosion": DilationErosionLoss(CLASSES, background=0),
        },
        optimizer=optimizer,
        epochs=16,
    )
