"""Backbones: pixels in, features `"P1"` .. `"P5"` out."""

from kerasseg.backbones.efficientnet_lite import efficientnet_lite
from kerasseg.backbones.from_keras_cv import from_keras_cv
from kerasseg.backbones.from_keras_hub import from_keras_hub
from kerasseg.backbones.from_model import from_model
from kerasseg.backbones.mobilenet_v2 import mobilenet_v2
from kerasseg.backbones.resnet import resnet50
from kerasseg.backbones.resnet import resnet101
from kerasseg.backbones.resnet import resnet152
from kerasseg.backbones.vgg16 import vgg16
from kerasseg.backbones.vgg16_large_fov import vgg16_large_fov
from kerasseg.backbones.with_channels import with_channels

__all__ = [
    "efficientnet_lite",
    "from_keras_cv",
    "from_keras_hub",
    "from_model",
    "mobilenet_v2",
    "resnet101",
    "resnet152",
    "resnet50",
    "vgg16",
    "vgg16_large_fov",
    "with_channels",
]
