"""Semantic segmentation for Keras 3, with verified exports.

`kerasseg.zoo` has the trained models, `kerasseg.inference` turns images into
masks, `kerasseg.export` writes verified files for other runtimes. Importing
kerasseg registers its layers, losses and metrics with Keras, so that saved
models load; every other sub-package is imported when it is first used.
"""

import importlib
import sys

__version__ = "0.1.0"

__all__ = [
    "backbones",
    "benchmark",
    "data",
    "export",
    "importers",
    "inference",
    "jobs",
    "layers",
    "losses",
    "metrics",
    "models",
    "page",
    "training",
    "zoo",
]


def __getattr__(name):
    if name not in __all__:
        raise AttributeError(f"module 'kerasseg' has no attribute {name!r}")
    _check_backend()
    return importlib.import_module(f"kerasseg.{name}")


def __dir__():
    return sorted([*globals(), *__all__])


def _check_backend():
    from kerasseg.backend import check_backend

    check_backend()


# Of the `kerasseg` command, each verb that needs them registers them.
if not getattr(sys.modules.get("kerasseg_command"), "starting", False):
    _check_backend()
    for _name in ("layers", "losses", "metrics"):
        importlib.import_module(f"kerasseg.{_name}")
    del _name
