"""Semantic segmentation for Keras 3, exported with proof.

The sub-packages load when they are first used: `kerasseg.zoo` has the trained
models, `kerasseg.inference` turns images into masks, `kerasseg.export` writes
verified files for other runtimes.
"""

import importlib

__version__ = "0.1.0"

__all__ = [
    "backbones",
    "data",
    "export",
    "inference",
    "layers",
    "losses",
    "metrics",
    "models",
    "training",
    "zoo",
]


def __getattr__(name):
    if name in __all__:
        return importlib.import_module(f"kerasseg.{name}")
    raise AttributeError(f"module 'kerasseg' has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])
