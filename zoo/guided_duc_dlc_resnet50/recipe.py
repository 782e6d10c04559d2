r"""Guided DUC + DLC on ADE20K, ResNet-50, as the paper trains it.

Paper: Sediqi and Lee, "A Novel Upsampling and Context Convolution for Image
Semantic Segmentation", Sensors 2021. SGD at 1e-3 with a momentum of 0.9,
coupled weight decay of 1e-4 and polynomial decay of power 0.9; crops of 480 x
480 of images scaled by 0.5 to 2; 120 epochs; softmax cross-entropy alone.

Commands: kerasseg train zoo/guided_duc_dlc_resnet50/recipe.py \
              --out runs/guided_duc_dlc_resnet50
          kerasseg evaluate runs/guided_duc_dlc_resnet50/model \
              --protocol ade20k
Data: ADE20K of the scene parsing benchmark, 150 classes, train; scored on val.
Published there: mean IoU 43.82 %, pixel accuracy 81.23 %, their mean 62.53 %.
The deeper nets of the paper have the same schedule: `resnet101` and
`resnet152` in place of `resnet50` (44.21 % and 44.86 %); ResNet-269 (46.26 %)
is not among the backbones.
This recipe was not run to its end, and no weights are published with it.
Start: ResNet-50 trained on ImageNet, the file ResNet50 without top of
keras.applications in the folder that KERASSEG_DATA names.

Deviations: what the paper leaves open, the batch of 16, the output stride of
16 and the channels of both layers, is this project's reading; its "vertical
flipping" is read as mirroring left to right, and the logarithm of the scale is
drawn evenly; the layers of the head learn at the rate of the backbone; the
decay is that of all weights, of biases and batch normalization too.
"""

import kerasseg
from kerasseg.data import ADE20K
from kerasseg.losses import SegmentationLoss
from kerasseg.training import L2SGD
from kerasseg.training import PolyDecay

RESNET50 = "backbones/resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"


def train():
    return kerasseg.data.load("ade20k", "train")


def model(start_from):
    backbone = kerasseg.backbones.resnet50(
        weights=start_from, output_stride=16
    )
    return kerasseg.models.guided_duc_dlc(
        ADE20K.num_classes, backbone, head="paper"
    )


def optimizer(steps):
    return L2SGD(
        PolyDecay(1e-3, steps, power=0.9), momentum=0.9, weight_decay=1e-4
    )


def recipe():
    return kerasseg.training.Recipe(
        name="guided_duc_dlc_resnet50",
        labels=ADE20K,
        train=train,
        augmentation=kerasseg.data.Augmentation(
            crop_size=(480, 480),
            scale=(0.5, 2.0),
            brightness=0.0,
            contrast=0.0,
            saturation=0.0,
            gamma=0.0,
        ),
        batch_size=16,
        model=model,
        start_from=kerasseg.data.data_root() / RESNET50,
        loss=SegmentationLoss(),
        optimizer=optimizer,
        epochs=120,
    )
