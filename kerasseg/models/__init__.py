"""Functional builders, one per family of decoders."""

from kerasseg.models.bilinear import bilinear
from kerasseg.models.lrr import lrr
from kerasseg.models.lrr import lrr_heads

__all__ = ["bilinear", "lrr", "lrr_heads"]
