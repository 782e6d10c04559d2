"""FCN-16s on Pascal VOC, VGG-16, from a trained FCN-32s.

Paper: Long, Shelhamer and Darrell, "Fully Convolutional Networks for Semantic
Segmentation", CVPR 2015. Rates, decay, means and data are those of the
reference implementation, https://github.com/shelhamer/fcn.berkeleyvision.org:
all as in zoo/fcn_32s_vgg16/recipe.py, but for the start and the rate, a
hundredth of that of FCN-32s. All weights start as FCN-32s has them; the
logits of stride 16, which it lacks, start at zero.

Commands: kerasseg train zoo/fcn_16s_vgg16/recipe.py --out runs/fcn_16s_vgg16
          kerasseg evaluate runs/fcn_16s_vgg16/model --protocol voc2011
Data: SBD, 21 classes, train (8498 images). It is scored on seg11valid, the
736 images of Pascal VOC 2011's val that are not among them.
Published there: mean IoU 62.4 % in the paper, 65.0 % of the released weights.
This recipe was not run to its end, and no weights are published with it.
Start: FCN-32s as zoo/fcn_32s_vgg16/recipe.py trains it, or with --start-from
another run of that recipe.

Deviations: those of zoo/fcn_32s_vgg16/recipe.py, images padded inside to
multiples of 32, not by 100 pixels, and 101976 steps; and the upsampling from
stride 32 stays bilinear, which the paper learns and the reference
implementation does not (`learn_upsampling` of the model does).
"""

import kerasseg
from kerasseg.data import VOC
from kerasseg.losses import SegmentationLoss
from kerasseg.training import L2SGD
from kerasseg.training import LearningRateMultipliers

MEAN = (122.67892, 116.66877, 104.00699)


def train():
    return kerasseg.data.load("sbd", "train")


def model(start_from):
    backbone = kerasseg.backbones.vgg16(taps="pool", mean=MEAN)
    finer = kerasseg.models.fcn(VOC.num_classes, backbone, variant="16s")
    coarser = kerasseg.zoo.load(start_from)
    return kerasseg.models.fcn_stage(finer, coarser)


def optimizer(steps):
    return LearningRateMultipliers(
        L2SGD(1e-12, momentum=0.99, weight_decay=5e-4),
        {".*bias": 2.0},
        weight_decay_multipliers={".*bias": 0.0},
    )


def recipe():
    return kerasseg.training.Recipe(
        name="fcn_16s_vgg16",
        labels=VOC,
        train=train,
        batch_size=1,
        model=model,
        start_from="runs/fcn_32s_vgg16/model",
        loss=SegmentationLoss(normalization="sum"),
        optimizer=optimizer,
        epochs=12,
    )
