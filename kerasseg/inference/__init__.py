"""From a model and an image to a mask, and from a mask to an image."""

from kerasseg.inference.dense_crf import DenseCRF
from kerasseg.inference.dense_crf import predict_mask_crf
from kerasseg.inference.halves import predict_mask_halves
from kerasseg.inference.multi_scale import predict_mask_multi_scale
from kerasseg.inference.overlay import colorize
from kerasseg.inference.overlay import overlay
from kerasseg.inference.rasters import mask_raster
from kerasseg.inference.rasters import open_raster
from kerasseg.inference.reach import reach
from kerasseg.inference.tiles import predict_tiled
from kerasseg.inference.video import VideoReport
from kerasseg.inference.video import predict_video
from kerasseg.inference.video_reader import VideoError
from kerasseg.inference.whole_image import predict_logits
from kerasseg.inference.whole_image import predict_mask

__all__ = [
    "DenseCRF",
    "VideoError",
    "VideoReport",
    "colorize",
    "mask_raster",
    "open_raster",
    "overlay",
    "predict_logits",
    "predict_mask",
    "predict_mask_crf",
    "predict_mask_halves",
    "predict_mask_multi_scale",
    "predict_tiled",
    "predict_video",
    "reach",
]
