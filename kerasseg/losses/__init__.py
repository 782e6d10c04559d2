"""Losses on integer label maps and logits."""

from kerasseg.losses.boundary_weighted_loss import BoundaryWeightedLoss
from kerasseg.losses.dice_loss import DiceLoss
from kerasseg.losses.dilation_erosion_loss import DilationErosionLoss
from kerasseg.losses.dilation_erosion_loss import dilation_erosion_targets
from kerasseg.losses.distillation_loss import DistillationLoss
from kerasseg.losses.focal_loss import FocalLoss
from kerasseg.losses.jaccard_loss import JaccardLoss
from kerasseg.losses.labels import downsample_labels
from kerasseg.losses.lovasz_loss import LovaszSoftmaxLoss
from kerasseg.losses.multi_label_loss import MultiLabelLoss
from kerasseg.losses.ohem_loss import OHEMLoss
from kerasseg.losses.segmentation_loss import SegmentationLoss
from kerasseg.losses.sum_loss import SumLoss
from kerasseg.losses.tversky_loss import TverskyLoss

__all__ = [
    "BoundaryWeightedLoss",
    "DiceLoss",
    "DilationErosionLoss",
    "DistillationLoss",
    "FocalLoss",
    "JaccardLoss",
    "LovaszSoftmaxLoss",
    "MultiLabelLoss",
    "OHEMLoss",
    "SegmentationLoss",
    "SumLoss",
    "TverskyLoss",
    "dilation_erosion_targets",
    "downsample_labels",
]
