"""`kerasseg doctor`: what is installed, what works, how to fix it."""

import argparse
import functools
import importlib.metadata
import importlib.util
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

from kerasseg.cli.conflicts import conflicts
from kerasseg.cli.errors import one_line
from kerasseg.cli.output import echo
from kerasseg.cli.progress import progress
from kerasseg.cli.quiet import import_keras
from kerasseg.cli.tables import fields
from kerasseg.cli.tables import table
from kerasseg.files import cache_folder
from kerasseg.formats import FORMATS

TRIED = [facts for facts in FORMATS.values() if not facts.needs_gpu]


def _of_formats():
    """The packages of the formats that any machine can run, each once."""
    rows = {}
    for facts in TRIED:
        for module, package in zip(facts.modules, facts.packages, strict=True):
            row = (module.partition(".")[0], package, facts.title, facts.extra)
            rows.setdefault(package, row)
    del rows["tensorflow"]
    return rows.values()


# Package to import, package to install, what needs it, extra that brings it.
PACKAGES = (
    ("keras", "keras", "everything", None),
    ("numpy", "numpy", "everything", None),
    ("PIL", "pillow", "everything", None),
    ("safetensors", "safetensors", "weights", None),
    ("tensorflow", "tensorflow", "a backend; exports", "tensorflow"),
    ("jax", "jax", "a backend", "jax"),
    ("torch", "torch", "a backend", "torch"),
    *_of_formats(),
    ("tf2onnx", "tf2onnx", "ONNX", "onnx"),
    ("matplotlib", "matplotlib", "training curves", "train"),
    ("tensorflow_datasets", "tensorflow-datasets", "TFDS", "tfds"),
    ("h5py", "h5py", "imported weights in HDF5", "import"),
)

# What an exporter finds missing only as it runs, which is no failure.
CONVERTERS = {"tf2onnx", "jax2onnx"}

_MARKS = {True: "works", False: "FAILS", None: "-"}


def add_parser(subparsers) -> None:
    """Adds the verb to the command.

    Args:
        subparsers: What `add_subparsers` returned.
    """
    parser = subparsers.add_parser(
        "doctor",
        help="what is installed, what works, how to fix it",
        description="Print versions, try each exporter on a tiny model, and "
        "name what is missing or in conflict, and how to fix it.",
    )
    parser.add_argument(
        "--quick", action="store_true", help="print versions, try nothing"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints the diagnosis.

    Args:
        args: The parsed arguments.

    Returns:
        0 if what is installed works, 1 if something is broken.
    """
    from kerasseg import __version__
    from kerasseg import backend

    echo(
        fields(
            [
                ("kerasseg", __version__),
                ("python", f"{platform.python_version()} {sys.executable}"),
                ("system", f"{platform.platform()}, {os.cpu_count()} cores"),
                ("backend", _backend_line(backend)),
            ]
        )
    )
    rows = [
        (name, version(name) or "missing", purpose, _remedy(module, extra))
        for module, name, purpose, extra in PACKAGES
    ]
    echo(f"\n{table(('package', 'version', 'for', 'to get it'), rows)}")
    if args.quick:
        return 0
    checks = _checks(backend)
    rows = [(name, _MARKS[works], remark) for name, works, remark in checks]
    echo(f"\n{table(('check', 'result', 'remark'), rows)}")
    return 1 if any(works is False for _, works, _ in checks) else 0


def _checks(backend):
    """Rows of what was checked, whether it works, and a remark."""
    first = _check_backend(backend)
    steps = [_check_data, _check_cache]
    if first[1]:
        exports = [functools.partial(_check_export, facts) for facts in TRIED]
        steps = [_check_zoo, *exports, _check_builder, *steps]
    done = [step() for step in progress(steps, "Checking", len(steps))]
    return [first, *_check_packages(), *done]


def version(name: str) -> str | None:
    """The version of an installed package.

    Args:
        name: The package as pip knows it.

    Returns:
        The version, or `None` if it is not installed.
    """
    names = (name, "tensorflow-cpu") if name == "tensorflow" else (name,)
    for candidate in names:
        try:
            return importlib.metadata.version(candidate)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def _installed(module):
    return importlib.util.find_spec(module) is not None


def _remedy(module, extra):
    if _installed(module):
        return None
    return f'pip install "kerasseg{f"[{extra}]" if extra else ""}"'


def _backend_line(backend):
    name = backend.configured_backend()
    if os.environ.get("KERAS_BACKEND"):
        return f"{name}, by the variable KERAS_BACKEND"
    return f"{name}, by keras.json or Keras' default"


def _check_backend(backend):
    name = f"backend {backend.configured_backend()}"
    try:
        import_keras()
        import keras

        total = keras.ops.convert_to_numpy(keras.ops.sum(keras.ops.ones(3)))
    except Exception as error:
        return name, False, one_line(error)
    works = float(total) == 3
    return name, works, f"keras {keras.__version__}"


def _check_packages():
    """Whether the installed versions go together."""
    found = conflicts(
        [module for module, *_ in PACKAGES], [name for _, name, *_ in PACKAGES]
    )
    rows = [
        ("packages", None, f"{problem}: {command}")
        for problem, command in found
    ]
    return rows or [("packages", True, "their versions go together")]


def _check_zoo():
    """Whether the packaged weights are whole."""
    try:
        from kerasseg import zoo

        names = [n for n in zoo.names() if zoo.info(n).sha256]
        for name in names:
            zoo.weights_path(zoo.info(name))
    except Exception as error:
        return "zoo", False, one_line(error)
    return "zoo", True, f"{len(names)} entries with trained weights"


def _check_export(facts):
    """Whether a tiny net passes through an exporter and its proof."""
    from kerasseg.backend import configured_backend

    title = f"export {facts.name}"
    tops = [module.partition(".")[0] for module in facts.modules]
    missing = [module for module in tops if not _installed(module)]
    if missing:
        needs = f'{", ".join(missing)}: pip install "kerasseg[{facts.extra}]"'
        return title, None, f"needs {needs}"
    if configured_backend() not in facts.backends:
        return title, None, "needs the backend: KERAS_BACKEND=tensorflow"
    start = time.perf_counter()
    try:
        from kerasseg import export

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, f"tiny{facts.suffix}")
            report = getattr(export, f"to_{facts.name}")(
                _tiny_net(), path, image_shape=(32, 48, 3)
            )
    except Exception as error:
        cause = error.__cause__ or error
        if getattr(cause, "name", None) in CONVERTERS:
            return title, None, one_line(error)
        return title, False, _with_remedy(one_line(error), facts.extra)
    seconds = time.perf_counter() - start
    return (
        title,
        True,
        f"{100 * report.mask_agreement:.2f} % of a tiny net's mask agrees, "
        f"{seconds:.1f} s",
    )


def _check_builder():
    """Whether NVIDIA's builder makes an engine of a tiny net."""
    title = "NVIDIA's builder"
    try:
        from kerasseg import export
        from kerasseg.export.tensorrt_rtx import library

        missing = library.find().reason
        if missing:
            return title, None, missing
        with tempfile.TemporaryDirectory() as folder:
            report = export.to_tensorrt(
                _tiny_net(),
                Path(folder, "tiny.engine"),
                image_shape=(32, 48, 3),
            )
    except ImportError as error:
        return title, None, one_line(error)
    except Exception as error:
        return title, False, _with_remedy(one_line(error), "tensorrt-rtx")
    notes = [note for note in report.notes if "NVIDIA" in note]
    return title, True, notes[0]


def _with_remedy(message, extra):
    if "pip install" in message:
        return message
    return f'{message} Try: pip install --upgrade "kerasseg[{extra}]"'


def _tiny_net():
    import keras

    pixels = keras.Input((None, None, 3))
    features = keras.layers.Rescaling(1 / 127.5, offset=-1)(pixels)
    features = keras.layers.Conv2D(
        4, 3, padding="same", activation="relu", name="features"
    )(features)
    logits = keras.layers.Conv2D(3, 1, name="logits")(features)
    return keras.Model(pixels, logits)


def _check_data():
    # kerasseg.data imports keras, which may be what is broken.
    root = os.environ.get("KERASSEG_DATA")
    if not root:
        return "datasets", None, "KERASSEG_DATA is not set (see kerasseg data)"
    found = sorted(p.parent.name for p in Path(root).glob("*/images"))
    if not found:
        return "datasets", False, f"KERASSEG_DATA={root} holds no dataset"
    return "datasets", True, f"{', '.join(found)} in {root}"


def _check_cache():
    """Whether downloaded weights can be kept."""
    folder = cache_folder()
    existing = next(p for p in (folder, *folder.parents) if p.exists())
    works = existing.is_dir() and os.access(existing, os.W_OK)
    remark = str(folder) if works else f"cannot write to {existing}"
    return "cache", works, remark
