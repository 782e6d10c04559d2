"""ONNX graphs from a Keras backend that this process does not run on.

A process has one backend for as long as it lives. The model is therefore
written to a temporary file, and another Python converts it.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import keras

from kerasseg.export.errors import ExportError
from kerasseg.export.static import Source
from kerasseg.export.variant import Variant

# Exporter -> backend, modules that it needs, packages whose versions count,
# and extra that brings them. PyTorch has an older way without onnxscript.
_TF = ("tensorflow", "tf2onnx")
_JAX = ("jax", "jax2onnx")
EXPORTERS = {
    "tf2onnx": ("tensorflow", _TF, _TF, "onnx"),
    "torch": ("torch", ("torch",), ("torch", "onnxscript"), "onnx-torch"),
    "jax": ("jax", _JAX, _JAX, "onnx"),
}
# jax2onnx 0.17 writes the maximum over windows of LRR as a pooling over four
# axes, which ONNX Runtime refuses: JAX exports on its own backend only.
CHOICES = ("tf2onnx", "torch")
_START = "from kerasseg.export.other_backend import main; main()"
_MAX_TOLD = 300


def check_exporter(exporter: str | None) -> str:
    """Refuses an exporter that does not exist or is not installed.

    Args:
        exporter: What the user gave; `None` for that of the backend.

    Returns:
        Name of the exporter.

    Raises:
        ValueError: If there is no such exporter.
        ImportError: If its packages are missing.
    """
    if exporter is None:
        current = keras.backend.backend()
        return next(n for n, found in EXPORTERS.items() if found[0] == current)
    if exporter not in CHOICES:
        listed = ", ".join(repr(name) for name in CHOICES)
        raise ValueError(
            f"`exporter` must be None or one of {listed}. Received: "
            f"exporter={exporter!r}"
        )
    _, modules, _, extra = EXPORTERS[exporter]
    for module in modules:
        if importlib.util.find_spec(module) is None:
            raise ImportError(
                f"The exporter {exporter!r} needs the package {module!r}, "
                f"which is not installed. Install it with: pip install "
                f'"kerasseg[{extra}]"'
            )
    return exporter


def convert_on_other_backend(source, path, opset, exporter) -> None:
    """Converts a model in a process of its own.

    Args:
        source: The `Source` to convert.
        path: ONNX file to write, in a temporary folder.
        opset: Version of ONNX's operator set.
        exporter: Name of the exporter.

    Raises:
        ExportError: If the other process fails.
    """
    saved = Path(path).with_suffix(".keras")
    source.model.save(saved)
    variant = source.variant
    order = {
        "model": str(saved),
        "path": str(path),
        "opset": opset,
        "shape": source.shape,
        "output": variant.output,
        "coarse": variant.coarse,
        "layout": variant.layout,
    }
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _START, json.dumps(order)],
        env={
            **os.environ,
            "KERAS_BACKEND": EXPORTERS[exporter][0],
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode or not Path(path).exists():
        raise ExportError(
            f"The exporter {exporter!r} failed in its own process: "
            f"{_last_line(result.stderr)}"
        )


def main() -> None:
    """Converts as the last argument of the command line says."""
    from kerasseg.export.onnx import write_raw

    order = json.loads(sys.argv[-1])
    model = keras.saving.load_model(
        order["model"], compile=False, safe_mode=False
    )
    names = ("output", "coarse", "layout")
    variant = Variant(**{name: order[name] for name in names})
    source = Source(model, tuple(order["shape"]), variant)
    write_raw(source, order["path"], order["opset"])


def _last_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = lines[-1] if lines else "it said nothing"
    return told if len(told) <= _MAX_TOLD else f"{told[: _MAX_TOLD - 3]}..."
