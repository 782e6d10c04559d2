"""Semantic segmentation for Keras 3, exported with proof.

`kerasseg.zoo` has the trained models, `kerasseg.inference` turns images into
masks, `kerasseg.export` writes verified files for other runtimes. Importing
kerasseg registers its layers, losses and metrics with Keras, so that saved
models load; every other sub-package is imported when it is first used.
"""

import importlib
import sys
from pathlib import Path

__version__ = "0.1.0"

__all__ = [
    "backbones",
    "benchmark",
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


def _is_command_line():
    # `python -m kerasseg` shows as "-m" until the module to run is found.
    if sys.argv and sys.argv[0] == "-m":
        module = sys.orig_argv[sys.orig_argv.index("-m") + 1]
        return module.partition(".")[0] == "kerasseg"
    return bool(sys.argv) and Path(sys.argv[0]).stem == "kerasseg"


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


# The command line answers `--help` and `doctor` without keras; its verbs
# import what they need.
if not _is_command_line():
    _check_backend()
    for _name in ("layers", "losses", "metrics"):
        importlib.import_module(f"kerasseg.{_name}")
    del _name
