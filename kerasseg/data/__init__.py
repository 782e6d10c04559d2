"""Data sets, the label contract, joint transforms and batches."""

from kerasseg.data.bases import reconstruction_bases
from kerasseg.data.batches import Batches
from kerasseg.data.batches import batches
from kerasseg.data.datasets import SOURCES
from kerasseg.data.datasets import DatasetSource
from kerasseg.data.datasets import camvid
from kerasseg.data.datasets import data_root
from kerasseg.data.datasets import load
from kerasseg.data.datasets import nuclei
from kerasseg.data.folder import Pair
from kerasseg.data.folder import SegmentationFolder
from kerasseg.data.folder import SegmentationPairs
from kerasseg.data.folder import merge
from kerasseg.data.image import ImageReadError
from kerasseg.data.image import read_image
from kerasseg.data.image import read_mask
from kerasseg.data.labels import CAMVID
from kerasseg.data.labels import NUCLEI
from kerasseg.data.labels import Labels
from kerasseg.data.labels import default_palette
from kerasseg.data.transforms import Augmentation

__all__ = [
    "CAMVID",
    "NUCLEI",
    "SOURCES",
    "Augmentation",
    "Batches",
    "DatasetSource",
    "ImageReadError",
    "Labels",
    "Pair",
    "SegmentationFolder",
    "SegmentationPairs",
    "batches",
    "camvid",
    "data_root",
    "default_palette",
    "load",
    "merge",
    "nuclei",
    "read_image",
    "read_mask",
    "reconstruction_bases",
]
