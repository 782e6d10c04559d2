"""From a model and a picture to a mask, and from a mask to a picture."""

from kerasseg.inference.multi_scale import predict_mask_multi_scale
from kerasseg.inference.overlay import colorize
from kerasseg.inference.overlay import overlay
from kerasseg.inference.whole_image import predict_logits
from kerasseg.inference.whole_image import predict_mask

__all__ = [
    "colorize",
    "overlay",
    "predict_logits",
    "predict_mask",
    "predict_mask_multi_scale",
]
