"""Layers of the decoders, in `keras.ops` alone."""

from kerasseg.layers.bilinear_upsampling import BilinearUpSampling2D
from kerasseg.layers.boundary_mask import BoundaryMask
from kerasseg.layers.inference_mode import InferenceMode
from kerasseg.layers.laplacian_head import LaplacianHead
from kerasseg.layers.laplacian_reconstruction import CosineBases
from kerasseg.layers.laplacian_reconstruction import LaplacianReconstruction
from kerasseg.layers.padding import CropToMatch
from kerasseg.layers.padding import PadToMultiple

__all__ = [
    "BilinearUpSampling2D",
    "BoundaryMask",
    "CosineBases",
    "CropToMatch",
    "InferenceMode",
    "LaplacianHead",
    "LaplacianReconstruction",
    "PadToMultiple",
]
