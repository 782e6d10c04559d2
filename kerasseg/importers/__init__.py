"""Published weights of other frameworks, read as models of the zoo."""

from kerasseg.importers.importing import Imported
from kerasseg.importers.importing import import_weights
from kerasseg.importers.importing import importable
from kerasseg.importers.network import read_network
from kerasseg.importers.source import Layer
from kerasseg.importers.source import Source
from kerasseg.importers.source import Tensor

__all__ = [
    "Imported",
    "Layer",
    "Source",
    "Tensor",
    "import_weights",
    "importable",
    "read_network",
]
