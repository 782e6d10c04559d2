"""Who may import whom, and what may be imported when a module loads."""

import ast
import graphlib
import sys

import pytest
from source import PACKAGE
from source import ROOT
from source import name_of
from source import parse
from source import sources
from source import subpackage

# The ground floor, which every sub-package may import; in the order in which
# its modules may import each other.
GROUND = (
    "backend",
    "files",
    "locks",
    "arguments",
    "channels",
    "ids",
    "id_maps",
    "label_records",
    "labels",
    "label_sets",
    "formats",
    "papers",
    "score_titles",
    "protocols",
    "figures",
    "stderr",
)

# Sub-package -> the sub-packages it may import besides itself.
INTERNAL = {
    "layers": set(),
    "losses": set(),
    "metrics": set(),
    "data": set(),
    "backbones": {"layers"},
    "models": {"backbones", "layers"},
    "zoo": {"models", "backbones", "layers", "data"},
    "importers": {"zoo", "models", "backbones"},
    "inference": {"data"},
    # A training may start from an entry.
    "training": {"data", "layers", "losses", "metrics", "inference", "zoo"},
    "export": {"inference", "data", "layers", "metrics"},
    "benchmark": {"export"},
    "jobs": {"inference", "zoo"},
    "page": {"zoo"},
}

# Sub-package -> the other packages it may import anywhere.
EXTERNAL = {
    "backend": set(),
    "files": set(),
    "locks": set(),
    "arguments": set(),
    "channels": {"numpy"},
    "ids": {"keras", "numpy"},
    "id_maps": {"numpy"},
    "label_records": set(),
    "labels": {"numpy"},
    "label_sets": set(),
    "formats": set(),
    "papers": set(),
    "score_titles": set(),
    "protocols": set(),
    "figures": {"matplotlib"},
    "stderr": set(),
    "layers": {"keras", "numpy"},
    "losses": {"keras", "numpy"},
    # For what its own argmax and sums of segments take ten times as long for.
    "metrics": {"keras", "numpy", "tensorflow"},
    "backbones": {"keras", "numpy"},
    "models": {"keras", "numpy"},
    "data": {
        "keras",
        "numpy",
        "PIL",
        "pycocotools",
        "rasterio",
        "scipy",
        "tensorflow",
        "tensorflow_datasets",
    },
    "importers": {"keras", "numpy"},
    "inference": {"keras", "numpy", "PIL", "av", "rasterio", "scipy"},
    "zoo": {"keras", "numpy", "safetensors", "huggingface_hub"},
    "jobs": {"numpy", "ray"},
    "page": set(),
    "training": {"keras", "numpy", "tensorflow", "jax"},
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
        "onnxruntime_ep_nv_tensorrt_rtx",
        "tf2onnx",
    },
    "benchmark": {
        "numpy",
        "tensorflow",
        "ai_edge_litert",
        "onnxruntime",
        "openvino",
    },
}

# What the core install brings, and may be imported as a module loads.
CORE = {"keras", "numpy", "PIL", "safetensors"}

# Folders that are imported where their optional package is, and only then.
ALONE = {"kerasseg/data/tfds"}

# The command line shows `--help` without paying for any of these.
CLI_AT_LOAD = {
    "kerasseg",
    "kerasseg.files",
    "kerasseg.backend",
    "kerasseg.cli",
    "kerasseg.figures",
    "kerasseg.formats",
    "kerasseg.protocols",
    "kerasseg.score_titles",
    "kerasseg.stderr",
}

VAGUE = {"utils", "util", "common", "helpers", "core", "misc"}


def stands_alone(path):
    """Whether a file is in a folder of an optional package."""
    return path.parent.relative_to(ROOT).as_posix() in ALONE


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


def offenders(paths, wrong):
    """The names that are wrong in each file, where there are any."""
    found = {name_of(path): sorted(wrong(path)) for path in paths}
    return {name: names for name, names in found.items() if names}


def inner_imports(path):
    """What a file imports of kerasseg, without `kerasseg.` before it."""
    names = [name.partition(".") for name in imports(path)]
    return [
        rest
        for first, _, rest in names
        if first == "kerasseg" and rest != "__version__"
    ]


def test_the_direction_of_imports():
    def wrong(path):
        own = subpackage(path)
        if own in GROUND:
            allowed = set(GROUND[: GROUND.index(own)])
        else:
            allowed = INTERNAL[own] | {own, *GROUND}
        names = inner_imports(path)
        return [n for n in names if n.partition(".")[0] not in allowed]

    assert not offenders(INNER, wrong)


def module_name(path):
    """The dotted name that a file is imported by."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def module_graph(paths):
    """The modules that each module imports, anywhere in its text.

    A package that is imported only on the way to a module inside does not
    count: every module would hang together with its neighbors.
    """
    known = {module_name(path) for path in paths} - {"kerasseg"}
    graph = {}
    for path in paths:
        found = graph.setdefault(module_name(path), set())
        for name in imports(path):
            owner = name.rpartition(".")[0]
            found |= {name if name in known else owner} & known
    return graph


def test_no_module_imports_itself_in_a_circle():
    sorter = graphlib.TopologicalSorter(module_graph(sources()))
    try:
        sorter.prepare()
    except graphlib.CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        pytest.fail(f"modules import each other: {circle}", pytrace=False)


def test_the_packages_that_are_used():
    assert not offenders(
        INNER,
        lambda path: third_party(imports(path)) - EXTERNAL[subpackage(path)],
    )


def test_optional_packages_are_imported_where_they_are_used():
    assert not offenders(
        [path for path in LIBRARY if not stands_alone(path)],
        lambda path: third_party(imports(path, at_load=True)) - CORE,
    )


def test_the_command_line_loads_nothing_heavy():
    def wrong(path):
        names = imports(path, at_load=True)
        own = [n for n in names if n.partition(".")[0] == "kerasseg"]
        heavy = [
            n for n in own if ".".join(n.split(".")[:2]) not in CLI_AT_LOAD
        ]
        return heavy + list(third_party(names))

    assert not offenders(sources(PACKAGE / "cli"), wrong)


def test_nobody_imports_the_command_line():
    assert not offenders(
        LIBRARY,
        lambda path: [n for n in imports(path) if n.startswith("kerasseg.cli")],
    )


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


def test_recipes_use_the_public_interface():
    def wrong(path):
        names = imports(path)
        private = [
            name
            for name in names
            if name.partition(".")[0] == "kerasseg"
            and ("._" in name or name.count(".") > 2)
        ]
        return private + list(third_party(names) - {"keras", "numpy"})

    assert RECIPES
    assert not offenders(RECIPES, wrong)


CONSUMERS = sorted(ROOT.glob("export/**/*.py"))


def test_consumers_of_exported_files_know_nothing_of_keras():
    assert CONSUMERS
    banned = {"kerasseg", "keras", "tensorflow"}
    assert not offenders(
        CONSUMERS,
        lambda path: [
            n for n in imports(path) if n.partition(".")[0] in banned
        ],
    )
