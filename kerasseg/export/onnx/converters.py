"""What can convert to ONNX, on which backend, and what it needs."""

import importlib.util
import math

import keras

from kerasseg.export.errors import require
from kerasseg.export.workarounds import quiet

DEFAULT_OPSET = 18
MIN_OPSET = 13

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


def check_exporter(exporter: str | None) -> str:
    """Refuses an exporter that does not exist or is not installed.

    Args:
        exporter: What the user gave; `None` for that of the backend.

    Returns:
        Name of the exporter.

    Raises:
        ValueError: If there is no such exporter, or the backend has none.
        ImportError: If its packages are missing.
    """
    if exporter is None:
        return _exporter_of(keras.backend.backend())
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


def _exporter_of(backend):
    names = {found[0]: name for name, found in EXPORTERS.items()}
    if backend not in names:
        raise ValueError(
            f"ONNX must be exported on the Keras backend {', '.join(names)}, "
            "as KERAS_BACKEND says before Keras is imported. Received: the "
            f"backend {backend!r}"
        )
    return names[backend]


def onnx_packages(exporter=None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names what takes part in a conversion.

    Args:
        exporter: Name of the exporter. Defaults to `None`: that of the
            current backend.

    Returns:
        Names of the modules that this process imports, and of the packages
        whose versions the report states.
    """
    backend, needed, packages, _ = EXPORTERS[check_exporter(exporter)]
    modules = ("onnx", "onnxruntime")
    if backend == keras.backend.backend():
        return (*modules, *needed), (*modules, *packages)
    # What converts in another process is not imported here.
    return modules, (*modules, *packages, keras.backend.backend())


def check_opset(opset, exporter=None) -> None:
    """Refuses versions of the operator set that cannot be written.

    Args:
        opset: What the user gave.
        exporter: Name of the exporter. Defaults to `None`: that of the
            current backend.

    Raises:
        ValueError: If it is no version that the converter knows.
    """
    highest = math.inf
    if check_exporter(exporter) == "tf2onnx":
        with quiet():
            tf2onnx = require("tf2onnx", "onnx")
        highest = max(tf2onnx.constants.OPSET_TO_IR_VERSION)
    valid = isinstance(opset, int) and MIN_OPSET <= opset <= highest
    if not valid:
        raise ValueError(
            f"`opset` must be an integer from {MIN_OPSET} to {highest}, the "
            f"highest that the converter knows. Received: opset={opset!r}"
        )
