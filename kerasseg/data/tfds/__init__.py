"""Builders of TensorFlow Datasets for the datasets of kerasseg.

To import this registers them, so that `tfds.load("camvid")` works.
"""

from kerasseg.data.tfds.camvid import Camvid
from kerasseg.data.tfds.idd_lite import IddLite
from kerasseg.data.tfds.nuclei import Nuclei

__all__ = ["Camvid", "IddLite", "Nuclei"]
