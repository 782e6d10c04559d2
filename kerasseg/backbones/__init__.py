"""Backbones: pixels in, features `"P1"` .. `"P5"` out."""

from kerasseg.backbones.from_model import from_model
from kerasseg.backbones.mobilenet_v2 import mobilenet_v2
from kerasseg.backbones.vgg16 import vgg16

__all__ = ["from_model", "mobilenet_v2", "vgg16"]
