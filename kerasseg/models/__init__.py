"""Functional builders, one per family of decoders."""

from kerasseg.models.lrr import lrr
from kerasseg.models.lrr import lrr_heads

__all__ = ["lrr", "lrr_heads"]
