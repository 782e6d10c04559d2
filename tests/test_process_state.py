"""Library code leaves alone what the whole process shares.

Not the environment, the arguments, the loaded modules, the error stream, the
filters of warnings, the levels of loggers, the seeds, nor other packages.
"""

import ast

from source import PACKAGE
from source import name_of
from source import parse
from source import sources
from source import subpackage

# Functions that change it, whatever they are attributes of.
CHANGING = {
    *("dup2", "putenv", "unsetenv", "chdir", "umask", "setrlimit"),
    *("simplefilter", "filterwarnings", "basicConfig", "setLevel", "signal"),
    *("set_random_seed", "set_dtype_policy", "set_floatx", "set_backend"),
    *("set_image_data_format", "set_memory_growth", "set_visible_devices"),
    *("enable_op_determinism", "run_functions_eagerly", "setattr"),
    *("set_intra_op_parallelism_threads", "set_inter_op_parallelism_threads"),
}
# What is only read, unless it is assigned to or one of these is called.
SHARED = {"os.environ", "sys.modules", "sys.path", "sys.meta_path"}
WRITING = {
    *("setdefault", "update", "pop", "popitem", "clear"),
    *("append", "insert", "extend", "remove"),
}
ARGUMENTS = {"sys.argv", "sys.orig_argv"}

# Files that do so, and why.
ALLOWED = {
    "export/workarounds.py": "what other libraries do, named one by one",
    "stderr.py": "native code writes there; used by workarounds and command",
    "data/bands.py": "rasterio warns of TIFF files without a reference",
    "training/fit.py": "the seed of a training, and the policy of its layers",
    "benchmark/worker.py": "runs in a process of its own",
    "export/tensorrt_rtx/builder.py": "runs in a process of its own",
    "export/onnx/other_backend.py": "its main runs in a process of its own",
}


def modules(tree):
    """Names that stand for imported modules, anywhere in a file."""
    return {
        alias.asname or alias.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }


def changed(node, imported):
    """The names of what a node changes, as they are written."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        owner = ast.unparse(node.func.value)
        if node.func.attr in CHANGING:
            return [ast.unparse(node.func)]
        if owner in SHARED and node.func.attr in WRITING:
            return [owner]
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "setattr":
        return ["setattr"]
    if isinstance(node, ast.Attribute) and ast.unparse(node) in ARGUMENTS:
        return [ast.unparse(node)]
    if not isinstance(getattr(node, "ctx", None), ast.Store | ast.Del):
        return []
    if isinstance(node, ast.Subscript) and ast.unparse(node.value) in SHARED:
        return [ast.unparse(node.value)]
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return [ast.unparse(node)] * (node.value.id in imported)
    return []


def changes(path):
    """What a file changes of the process."""
    tree = parse(path)
    imported = modules(tree)
    found = (changed(node, imported) for node in ast.walk(tree))
    return sorted({name for names in found for name in names})


def test_only_the_files_that_are_known_change_the_process():
    found = {
        name_of(path).removeprefix("kerasseg/"): names
        for path in sources(PACKAGE)
        # The command line owns its process.
        if subpackage(path) not in ("cli", "__main__")
        and (names := changes(path))
    }
    assert set(found) == set(ALLOWED), found


def test_changes_are_found(tmp_path):
    path = tmp_path / "bad.py"
    path.write_text(
        "import os, sys, warnings\n"
        "import tensorflow as tf\n"
        "os.environ['A'] = 'b'\n"
        "os.environ.pop('A')\n"
        "del sys.modules['c']\n"
        "warnings.simplefilter('ignore')\n"
        "tf.function = None\n"
        "name = sys.argv[0], os.environ.get('D'), sys.modules['e']\n"
    )
    assert changes(path) == [
        "os.environ",
        "sys.argv",
        "sys.modules",
        "tf.function",
        "warnings.simplefilter",
    ]
