"""Losses on integer label maps and logits."""

from kerasseg.losses.dilation_erosion_loss import DilationErosionLoss
from kerasseg.losses.dilation_erosion_loss import dilation_erosion_targets
from kerasseg.losses.labels import downsample_labels
from kerasseg.losses.lovasz_loss import LovaszSoftmaxLoss
from kerasseg.losses.multi_label_loss import MultiLabelLoss
from kerasseg.losses.segmentation_loss import SegmentationLoss

__all__ = [
    "DilationErosionLoss",
    "LovaszSoftmaxLoss",
    "MultiLabelLoss",
    "SegmentationLoss",
    "dilation_erosion_targets",
    "downsample_labels",
]
