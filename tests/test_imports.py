"""Who may import whom, and what may be imported when a module loads."""

import ast
import sys

import pytest
from source import PACKAGE
from source import ROOT
from source import name_of
from source import parse
from source import sources
from source import subpackage

# Sub-package -> the sub-packages it may import besides itself.
INTERNAL = {
    "backend": set(),
    "atomic": set(),
    "layers": set(),
    "losses": set(),
    "metrics": set(),
    "data": set(),
    "backbones": {"layers"},
    "models": {"backbones", "layers"},
    "zoo": {"models", "backbones", "layers", "data"},
    "inference": {"data"},
    "training": {"data", "losses", "metrics", "inference"},
    "export": {"inference", "data"},
    "benchmark": {"export"},
}

# Sub-package -> the other packages it may import anywhere.
EXTERNAL = {
    "backend": set(),
    "atomic": set(),
    "layers": {"keras", "numpy"},
    "losses": {"keras", "numpy"},
    "metrics": {"keras", "numpy"},
    "backbones": {"keras", "h5py", "numpy"},
    "models": {"keras", "numpy"},
    "data": {"keras", "numpy", "PIL", "tensorflow"},
    "inference": {"keras", "numpy", "PIL"},
    "zoo": {"keras", "numpy", "h5py"},
    "training": {"keras", "numpy", "h5py", "tensorflow", "jax", "matplotlib"},
    "export": {
        "keras",
        "numpy",
        "PIL",
        "rich",
        "tensorflow",
        "ai_edge_litert",
        "flatbuffers",
        "onnx",
        "onnxruntime",
        "tf2onnx",
    },
    "benchmark": {
        "numpy",
        "matplotlib",
        "tensorflow",
        "ai_edge_litert",
        "onnxruntime",
        "openvino",
    },
}

# What the core install brings, and may be imported as a module loads.
CORE = {"keras", "numpy", "PIL", "h5py"}

# The command line shows `--help` without paying for any of these.
CLI_AT_LOAD = {
    "kerasseg",
    "kerasseg.atomic",
    "kerasseg.backend",
    "kerasseg.cli",
}

VAGUE = {"utils", "util", "common", "helpers", "core", "misc"}


def imports(path, at_load=False):
    """Dotted names that a file imports; only those at module level if asked."""
    names = []
    todo = [parse(path)]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}: relative import"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
        inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if not (at_load and inside):
            todo += ast.iter_child_nodes(node)
    return names


def third_party(names):
    """The top-level packages among dotted names that are not Python's own."""
    tops = {name.partition(".")[0] for name in names}
    return tops - set(sys.stdlib_module_names) - {"kerasseg", "__future__"}


LIBRARY = [p for p in sources() if subpackage(p) not in ("cli", "__main__")]
INNER = [p for p in LIBRARY if subpackage(p) != "__init__"]


@pytest.mark.parametrize("path", INNER, ids=name_of)
def test_the_direction_of_imports(path):
    own = subpackage(path)
    allowed = INTERNAL[own] | {own, "backend", "atomic"}
    for name in imports(path):
        first, _, rest = name.partition(".")
        if first == "kerasseg" and rest != "__version__":
            target = rest.partition(".")[0]
            assert target in allowed, f"{own} must not import {name}"


@pytest.mark.parametrize("path", INNER, ids=name_of)
def test_the_packages_that_are_used(path):
    own = subpackage(path)
    assert third_party(imports(path)) <= EXTERNAL[own]


@pytest.mark.parametrize("path", LIBRARY, ids=name_of)
def test_optional_packages_are_imported_where_they_are_used(path):
    assert third_party(imports(path, at_load=True)) <= CORE


@pytest.mark.parametrize("path", sources(PACKAGE / "cli"), ids=name_of)
def test_the_command_line_loads_nothing_heavy(path):
    names = imports(path, at_load=True)
    assert not third_party(names)
    for name in names:
        if name.partition(".")[0] == "kerasseg":
            assert ".".join(name.split(".")[:2]) in CLI_AT_LOAD


def test_nobody_imports_the_command_line():
    for path in LIBRARY:
        assert not [n for n in imports(path) if n.startswith("kerasseg.cli")]


def test_call_uses_no_numpy():
    tensor_code = ("layers", "losses", "metrics", "backbones", "models")
    found = []
    for path in INNER:
        if subpackage(path) not in tensor_code:
            continue
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.FunctionDef) and node.name == "call":
                names = [n for n in ast.walk(node) if isinstance(n, ast.Name)]
                found += [
                    f"{name_of(path)}:{n.lineno}"
                    for n in names
                    if n.id in ("np", "numpy")
                ]
    assert not found


def test_no_module_has_a_vague_name():
    assert not [
        name_of(path)
        for path in sources()
        if VAGUE & set(path.relative_to(ROOT).with_suffix("").parts)
    ]


RECIPES = sorted(
    path
    for name in ("recipe.py", "last_stage.py")
    for path in ROOT.glob(f"zoo/*/{name}")
)


@pytest.mark.parametrize("path", RECIPES, ids=name_of)
def test_recipes_use_the_public_interface(path):
    # The trunk is a neighbour, zoo/trunk.py.
    assert third_party(imports(path)) <= {"keras", "numpy", "trunk"}
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "kerasseg":
            assert not any(part.startswith("_") for part in parts)
            assert len(parts) <= 3, f"{name} is not a public name"


CONSUMERS = sorted(ROOT.glob("export/**/*.py"))


@pytest.mark.parametrize("path", CONSUMERS, ids=name_of)
def test_consumers_of_exported_files_know_nothing_of_keras(path):
    tops = {name.partition(".")[0] for name in imports(path)}
    assert not tops & {"kerasseg", "keras", "tensorflow"}
