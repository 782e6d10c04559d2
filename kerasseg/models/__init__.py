"""Functional builders, one per family of decoders."""

from kerasseg.models.bilinear import bilinear
from kerasseg.models.guided_duc_dlc import guided_duc_dlc
from kerasseg.models.lrr import lrr
from kerasseg.models.lrr import lrr_heads
from kerasseg.models.pixel_dcl_unet import pixel_dcl_unet

__all__ = [
    "bilinear",
    "guided_duc_dlc",
    "lrr",
    "lrr_heads",
    "pixel_dcl_unet",
]
