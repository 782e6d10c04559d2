"""Which layers of Keras each exporter takes: docs/operators.md.

    python benchmarks/operators.py

Every layer of `keras.layers` that a net from images to logits can have, every
function of `keras.activations` and a backbone of every family of
`keras.applications` is put into a net (`nets.py`). Each net is saved and
loaded by `kerasseg.zoo`, and exported to each format. A cell of the table is
"verified", where the file computes what the model computes, or "refused" with
the reason, or "failed" where the error is none that a user should see.

A family of nets runs in a process of its own, one after the other, within
`--memory`; what ends the process is the result of that cell, and the others
go on. A cell is stored in docs/operators.json as it is done, and done again
only if a version has changed since. `--again` does all anew, `--failed` those
that are not verified. `--render` writes the page from the JSON file alone.
"""

import argparse
import importlib.metadata
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from operators_page import FAILED
from operators_page import REFUSED
from operators_page import TARGETS
from operators_page import VERIFIED
from operators_page import render
from stores import Store
from stores import write_page

ROOT = Path(__file__).parents[1]
PACKAGES = (
    *("keras", "tensorflow", "torch", "tf2onnx", "onnxscript", "onnx"),
    *("onnxruntime", "openvino", "ai-edge-litert"),
    "onnxruntime-ep-nv-tensorrt-rtx-cu13",
)
# What a family may take before it is ended.
SECONDS = 3600


def stamp(store):
    """What a cell depends on; it is stale where this has changed.

    Returns:
        The place of the versions in the list that the store keeps of them.
    """
    known = store.content.setdefault("versions", [])
    found = versions()
    if found not in known:
        known.append(found)
    return known.index(found)


def versions():
    """The version of each package that takes part, `None` if it is missing."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = None
    return found


def waiting(store, args, titles, backend):
    """The cells of some nets that have to be done on a backend."""
    mark = stamp(store)
    for title in titles:
        for target in args.targets:
            cell = store.get(title, target)
            wrong = args.failed and cell.get("status") != VERIFIED
            done = cell.get("stamp") == mark and not wrong
            if TARGETS[target].backend == backend and not done:
                yield title, target


def export_net(model, target, folder):
    """Exports a net, or saves and loads it: the cell, without its stamp."""
    from kerasseg.export import ExportError

    try:
        facts = _run(model, target, folder)
    except (ExportError, ValueError) as error:
        return {"status": REFUSED, "reason": _one_line(error)}
    except Exception as error:  # One cell must not end the others.
        reason = f"{type(error).__name__}: {_one_line(error)}"
        return {"status": FAILED, "reason": reason}
    return {"status": VERIFIED, "reason": None, **facts}


def _run(model, target, folder):
    from kerasseg import export

    if target == "zoo":
        return _saved_and_loaded(model, folder)
    name = TARGETS[target].function
    suffix = TARGETS[target].suffix
    report = getattr(export, name)(model, folder / f"net{suffix}")
    if target == "tensorrt":
        _check_table(folder / "net.onnx")
    built = any("Built by NVIDIA" in note for note in report.notes)
    return {"built": True} if built else {}


def _check_table(path):
    """Compares the table that is used where NVIDIA's builder is missing."""
    import onnx

    from kerasseg.export import ExportError
    from kerasseg.export.tensorrt.check import check_for_tensorrt

    try:
        check_for_tensorrt(onnx.load(str(path)))
    except ExportError as error:
        raise AssertionError(f"Built by NVIDIA, and yet: {error}") from error


def _saved_and_loaded(model, folder):
    import numpy as np

    from kerasseg import zoo

    zoo.save(model, folder / "saved")
    again = zoo.load(folder / "saved")
    images = np.random.default_rng(0).integers(0, 256, model.input_shape)
    images = images.astype("float32")
    before, after = (m.predict_on_batch(images) for m in (model, again))
    np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-5)
    return {}


def _one_line(error):
    text = " ".join(str(error).split())
    return text if len(text) <= 500 else f"{text[:497]}..."


def run_child(args, store, family):
    """Does the cells of a family that are waiting, in this process."""
    import keras
    import nets

    size = int(args.memory * 1e9)
    resource.setrlimit(resource.RLIMIT_DATA, (size, size))
    mark = stamp(store)
    titles = nets.families()[family]
    model = built = None
    cells = list(waiting(store, args, titles, keras.backend.backend()))
    for title, target in cells:
        print(f"{title}: {TARGETS[target].title}", flush=True)
        # Stays where this process does not outlive the cell.
        ended = {"status": FAILED, "reason": "The process of the export ended."}
        store.put(title, target, cell={"stamp": mark, **ended})
        try:
            if built != title:
                keras.backend.clear_session()
                model, built = nets.build(title), title
        except ValueError as error:
            # Keras has some of its models on some backends only.
            cell = {"status": REFUSED, "reason": _one_line(error)}
        else:
            with tempfile.TemporaryDirectory() as folder:
                cell = export_net(model, target, Path(folder))
        store.put(title, target, cell={"stamp": mark, **cell})
        if cell["reason"]:
            print(f"  {cell['status']}: {cell['reason']}", flush=True)


def run_family(args, store, family, backend):
    """Starts processes for a family until none of its cells is waiting."""
    failed = args.failed
    while True:
        command = [sys.executable, __file__, "--child", family]
        command += ["--json", str(args.json), "--memory", str(args.memory)]
        command += ["--targets", *args.targets]
        command += ["--failed"] if failed else []
        ended = subprocess.run(
            command,
            env={**os.environ, "KERAS_BACKEND": backend},
            timeout=SECONDS,
            check=False,
        )
        store.read()
        if not ended.returncode:
            return
        # Those after the cell that ended the process.
        failed = False


def run(args, store):
    """All families, one after the other, and the page after each."""
    import nets

    families = nets.families()
    for family in args.families or families:
        titles = families[family]
        for backend in ("tensorflow", "torch"):
            if args.again:
                for title in titles:
                    for target in args.targets:
                        store.put(title, target, cell={})
            if any(waiting(store, args, titles, backend)):
                run_family(args, store, family, backend)
                write_page(store, render)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--families", nargs="+", metavar="NAME")
    parser.add_argument(
        "--targets", nargs="+", choices=TARGETS, default=list(TARGETS)
    )
    parser.add_argument(
        "--json",
        type=Path,
        default=ROOT / "docs" / "operators.json",
        help="the store; the page goes beside it",
    )
    parser.add_argument(
        "--memory", type=float, default=8, help="gigabytes; default 8"
    )
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--failed", action="store_true")
    parser.add_argument("--render", action="store_true")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    args = parser.parse_args()
    store = Store(args.json)
    if args.child:
        run_child(args, store, args.child)
        return
    if not args.render:
        run(args, store)
    print(write_page(store, render))


if __name__ == "__main__":
    main()
