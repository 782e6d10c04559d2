"""Layers of the decoders, in `keras.ops` alone."""

from kerasseg.layers.batch_standardization import BatchStandardization
from kerasseg.layers.bilinear_conv2d_transpose import BilinearConv2DTranspose
from kerasseg.layers.bilinear_upsampling import BilinearUpSampling2D
from kerasseg.layers.boundary_mask import BoundaryMask
from kerasseg.layers.dlc import DLC
from kerasseg.layers.dlc import receptive_field
from kerasseg.layers.fake_quantize import FakeQuantize
from kerasseg.layers.fake_quantize import FakeQuantizedKernel
from kerasseg.layers.global_interpolation import GlobalInterpolation
from kerasseg.layers.guided_duc import GuidedDUC
from kerasseg.layers.guided_filter import GuidedFilter
from kerasseg.layers.ipixel_dcl import IPixelDCL
from kerasseg.layers.laplacian_head import LaplacianHead
from kerasseg.layers.laplacian_reconstruction import CosineBases
from kerasseg.layers.laplacian_reconstruction import LaplacianReconstruction
from kerasseg.layers.nearest_upsampling import NearestUpSampling2D
from kerasseg.layers.padding import CropToMatch
from kerasseg.layers.padding import PadToMultiple
from kerasseg.layers.pixel_dcl import PixelDCL

__all__ = [
    "BilinearConv2DTranspose",
    "BatchStandardization",
    "BilinearUpSampling2D",
    "BoundaryMask",
    "CosineBases",
    "CropToMatch",
    "DLC",
    "FakeQuantize",
    "FakeQuantizedKernel",
    "GlobalInterpolation",
    "GuidedDUC",
    "GuidedFilter",
    "IPixelDCL",
    "LaplacianHead",
    "LaplacianReconstruction",
    "NearestUpSampling2D",
    "PadToMultiple",
    "PixelDCL",
    "receptive_field",
]
