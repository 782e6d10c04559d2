"""Trained models by name, their records, and saved models in folders.

The records are read without Keras; what builds or loads a model is imported
when it is first used.
"""

import importlib
import typing

from kerasseg.zoo.catalog import info
from kerasseg.zoo.catalog import names
from kerasseg.zoo.entry import Entry
from kerasseg.zoo.errors import WeightsError
from kerasseg.zoo.fetch import weights_path

__all__ = [
    "Entry",
    "WeightsError",
    "build",
    "info",
    "load",
    "names",
    "push",
    "read_weights",
    "save",
    "weights_path",
    "write_weights",
]

# For editors and the site, which read names and run nothing.
if typing.TYPE_CHECKING:
    from kerasseg.zoo.loading import build
    from kerasseg.zoo.loading import load
    from kerasseg.zoo.pushing import push
    from kerasseg.zoo.saving import save
    from kerasseg.zoo.weights import read_weights
    from kerasseg.zoo.weights import write_weights

_WITH_KERAS = {
    "build": "kerasseg.zoo.loading",
    "load": "kerasseg.zoo.loading",
    "push": "kerasseg.zoo.pushing",
    "read_weights": "kerasseg.zoo.weights",
    "save": "kerasseg.zoo.saving",
    "write_weights": "kerasseg.zoo.weights",
}


def __getattr__(name):
    if name not in _WITH_KERAS:
        raise AttributeError(f"module 'kerasseg.zoo' has no attribute {name!r}")
    return getattr(importlib.import_module(_WITH_KERAS[name]), name)


def __dir__():
    return sorted({*globals(), *__all__})
