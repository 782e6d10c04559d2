"""The scripts of the folder benchmarks, imported by their path."""

import importlib
import sys

import pytest
from source import ROOT


@pytest.fixture
def script(monkeypatch):
    """Imports a script of benchmarks/ by name, and forgets it after."""
    folder = ROOT / "benchmarks"
    monkeypatch.syspath_prepend(folder)
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None) or ""
        if file.startswith(str(folder)):
            del sys.modules[name]
