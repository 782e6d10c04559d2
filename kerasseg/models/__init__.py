"""Functional builders, one per family of decoders."""

from kerasseg.models.bilinear import bilinear
from kerasseg.models.deeplab_v3_plus import deeplab_v3_plus
from kerasseg.models.fcn import fcn
from kerasseg.models.fcn import fcn_stage
from kerasseg.models.gdn import gdn
from kerasseg.models.gdn import gdn_heads
from kerasseg.models.guided_duc_dlc import guided_duc_dlc
from kerasseg.models.lrr import lrr
from kerasseg.models.lrr import lrr_heads
from kerasseg.models.pixel_dcl_unet import pixel_dcl_unet

__all__ = [
    "bilinear",
    "deeplab_v3_plus",
    "fcn",
    "fcn_stage",
    "gdn",
    "gdn_heads",
    "guided_duc_dlc",
    "lrr",
    "lrr_heads",
    "pixel_dcl_unet",
]
