"""What the exporters raise, and what they say of other errors."""

import importlib
import re

# Packages that no extra brings, and what does without them: for ONNX, and for
# what is made from it.
_ALONE = {
    "jax2onnx": "jax2onnx, or set KERAS_BACKEND=tensorflow, where weights of "
    'JAX load too, or write ONNX by `to_onnx(exporter="tf2onnx")`, on the '
    "command line `kerasseg export --to onnx --exporter tf2onnx`"
}


class ExportError(RuntimeError):
    """An exported file that must not be used.

    Raised when a conversion fails, when its result holds operators that the
    plain runtime does not know, or when the written file computes something
    else than the Keras model. The message says what differs. An exporter that
    raises it has written nothing to the requested path.
    """


class LossError(ExportError):
    """A file that lost more than its gate allows."""


def require(module_name: str, extra: str):
    """Imports an optional package or names the extra that installs it.

    Args:
        module_name: Name of the module to import.
        extra: Extra of kerasseg that brings it, if any does.

    Returns:
        The imported module.

    Raises:
        ImportError: If the module is not installed.
    """
    try:
        return importlib.import_module(module_name)
    except ImportError as error:
        install = _ALONE.get(module_name, f'"kerasseg[{extra}]"')
        raise ImportError(
            f"This export needs the package {module_name!r}, which cannot "
            f"be imported ({error}). Install it with: pip install {install}"
        ) from error


def first_line(error: BaseException) -> str:
    """Shortens the message of a converter's exception.

    Args:
        error: The exception.

    Returns:
        Its first line that is not empty, or the name of its type.
    """
    text = re.sub(r"\x1b\[\d*m", "", str(error))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    # Keras names the layer first and the reason after it.
    count = 2 if text.startswith("Exception encountered") else 1
    text = " ".join(lines[:count]) or type(error).__name__
    # PyTorch goes on with where in its code that was.
    text = text.partition(" [Caused by")[0]
    return text if len(text) <= 300 else text[:297] + "..."
