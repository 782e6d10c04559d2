"""Trained models by name, their records, and saved models in folders."""

from kerasseg.zoo.entry import Entry
from kerasseg.zoo.fetch import weights_path
from kerasseg.zoo.load import build
from kerasseg.zoo.load import info
from kerasseg.zoo.load import load
from kerasseg.zoo.load import names
from kerasseg.zoo.save import save
from kerasseg.zoo.weights import WeightsError
from kerasseg.zoo.weights import read_weights
from kerasseg.zoo.weights import write_weights

__all__ = [
    "Entry",
    "WeightsError",
    "build",
    "info",
    "load",
    "names",
    "read_weights",
    "save",
    "weights_path",
    "write_weights",
]
