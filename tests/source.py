"""The package's own source, for the guards that read it."""

import ast
import functools
import importlib
import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "kerasseg"

# Public sub-packages: everything a user may import but the command line.
PUBLIC = (
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
)


def sources(folder=PACKAGE):
    """All Python files below a folder, sorted."""
    return sorted(
        path
        for path in folder.rglob("*.py")
        if not any(part.startswith(".") for part in path.parts)
    )


@functools.cache
def parse(path):
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def name_of(path):
    """A path as it is shown in the name of a test."""
    return str(path.relative_to(ROOT))


def subpackage(path):
    """`"layers"` for `kerasseg/layers/duc.py`; the module at the top level."""
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def modules():
    """All modules of the package but the command line, imported."""
    names = []
    for path in sources():
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts[1] in ("cli", "__main__"):
            continue
        names.append(".".join(parts).removesuffix(".__init__"))
    return [importlib.import_module(name) for name in names]


def public_objects():
    """Pairs of dotted name and object for every name in an `__all__`."""
    pairs = []
    for name in PUBLIC:
        module = importlib.import_module(f"kerasseg.{name}")
        pairs += [
            (f"{name}.{public}", getattr(module, public))
            for public in module.__all__
        ]
    return pairs


def load_file(path):
    """The module of a Python file outside the package, which is run."""
    name = "_".join(path.relative_to(ROOT).with_suffix("").parts)
    spec = importlib.util.spec_from_file_location(f"program_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load_program(path):
    """The module of a program below `export`.

    Args:
        path: Path of the file below that folder.

    Returns:
        The module, which was run but for its main function.
    """
    return load_file(ROOT / "export" / path)
