"""Datasets, the label contract, joint transforms and batches."""

from kerasseg.data.bases import reconstruction_bases
from kerasseg.data.batches import batches
from kerasseg.data.datasets import animals
from kerasseg.data.datasets import camvid
from kerasseg.data.datasets import idd_lite
from kerasseg.data.datasets import load
from kerasseg.data.datasets import nuclei
from kerasseg.data.doctor.check import check
from kerasseg.data.doctor.report import DatasetReport
from kerasseg.data.doctor.report import Problem
from kerasseg.data.doctor.report import SplitReport
from kerasseg.data.folder import Pair
from kerasseg.data.folder import SegmentationFolder
from kerasseg.data.folder import SegmentationPairs
from kerasseg.data.folder import merge
from kerasseg.data.from_tfds import TfdsSamples
from kerasseg.data.from_tfds import from_tfds
from kerasseg.data.image import ImageReadError
from kerasseg.data.image import read_image
from kerasseg.data.image import read_mask
from kerasseg.data.layouts.coco import coco
from kerasseg.data.layouts.color import read_color_mask
from kerasseg.data.layouts.folders import pairs_in_folders
from kerasseg.data.layouts.layout import Layout
from kerasseg.data.layouts.table import LAYOUTS
from kerasseg.data.places import data_root
from kerasseg.data.py_batches import Batches
from kerasseg.data.sources import SOURCES
from kerasseg.data.sources import DatasetSource
from kerasseg.data.tf_data import TfDataSamples
from kerasseg.data.transforms import Augmentation
from kerasseg.label_sets import ADE20K
from kerasseg.label_sets import ANIMALS
from kerasseg.label_sets import CAMVID
from kerasseg.label_sets import CAMVID_31
from kerasseg.label_sets import CITYSCAPES
from kerasseg.label_sets import IDD_LITE
from kerasseg.label_sets import NUCLEI
from kerasseg.label_sets import OXFORD_PETS
from kerasseg.label_sets import PASCAL_CONTEXT
from kerasseg.label_sets import VOC
from kerasseg.labels import Labels
from kerasseg.labels import default_palette

__all__ = [
    "ADE20K",
    "ANIMALS",
    "CAMVID",
    "CAMVID_31",
    "CITYSCAPES",
    "IDD_LITE",
    "LAYOUTS",
    "NUCLEI",
    "OXFORD_PETS",
    "PASCAL_CONTEXT",
    "SOURCES",
    "VOC",
    "Augmentation",
    "Batches",
    "DatasetReport",
    "DatasetSource",
    "ImageReadError",
    "Labels",
    "Layout",
    "Pair",
    "Problem",
    "SegmentationFolder",
    "SegmentationPairs",
    "SplitReport",
    "TfDataSamples",
    "TfdsSamples",
    "animals",
    "batches",
    "camvid",
    "check",
    "coco",
    "data_root",
    "default_palette",
    "from_tfds",
    "idd_lite",
    "load",
    "merge",
    "nuclei",
    "pairs_in_folders",
    "read_color_mask",
    "read_image",
    "read_mask",
    "reconstruction_bases",
]
