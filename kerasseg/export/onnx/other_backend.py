"""ONNX graphs from a Keras backend that this process does not run on.

A process has one backend for as long as it lives. The model is therefore
written to a temporary file, and another Python converts it.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras

from kerasseg.export.errors import ExportError
from kerasseg.export.model.frozen import FrozenModel
from kerasseg.export.onnx.converters import EXPORTERS
from kerasseg.export.onnx.raw import write_raw
from kerasseg.export.options import ExportOptions

_START = "from kerasseg.export.onnx.other_backend import main; main()"
_MAX_LENGTH = 300


def convert_on_other_backend(frozen, path, opset, exporter) -> None:
    """Converts a model in a process of its own.

    Args:
        frozen: The `FrozenModel` to convert.
        path: ONNX file to write, in a temporary folder.
        opset: Version of ONNX's operator set.
        exporter: Name of the exporter.

    Raises:
        ExportError: If the other process fails.
    """
    saved = Path(path).with_suffix(".keras")
    frozen.model.save(saved)
    options = frozen.options
    order = {
        "model": str(saved),
        "path": str(path),
        "opset": opset,
        "shape": frozen.shape,
        "output": options.output,
        "coarse": options.coarse,
        "layout": options.layout,
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
    order = json.loads(sys.argv[-1])
    model = keras.saving.load_model(
        order["model"], compile=False, safe_mode=False
    )
    names = ("output", "coarse", "layout")
    options = ExportOptions(**{name: order[name] for name in names})
    frozen = FrozenModel(model, tuple(order["shape"]), options)
    write_raw(frozen, order["path"], order["opset"])


def _last_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    message = lines[-1] if lines else "it said nothing"
    if len(message) > _MAX_LENGTH:
        message = f"{message[: _MAX_LENGTH - 3]}..."
    return message
