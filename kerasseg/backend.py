"""Which backend Keras is set to use, and whether it is installed.

Nothing here imports keras: the answer is needed before keras is imported,
because keras fails on a missing backend without saying what to install.
"""

import importlib.util
import json
import os
import sys
from pathlib import Path

BACKENDS = ("tensorflow", "jax", "torch")
# What Keras can also be set to, for prediction alone.
_WITHOUT_TRAINING = ("numpy", "openvino")


def configured_backend() -> str:
    """The name of the backend that keras will use.

    Keras' own order: the `KERAS_BACKEND` variable, then `keras.json` in
    `KERAS_HOME` or the user's `.keras` folder, then TensorFlow.

    Returns:
        The name, whether or not that backend is installed.
    """
    name = os.environ.get("KERAS_BACKEND")
    if name:
        return name
    home = os.environ.get("KERAS_HOME") or "~/.keras"
    path = Path(os.path.expanduser(home), "keras.json")
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
        return str(settings.get("backend", "tensorflow"))
    except (OSError, ValueError, AttributeError, RecursionError):
        return "tensorflow"


def installed_backends() -> list[str]:
    """The training backends that can be imported here.

    Returns:
        The installed ones among `"tensorflow"`, `"jax"`, `"torch"`.
    """
    return [name for name in BACKENDS if importlib.util.find_spec(name)]


def check_backend() -> None:
    """Refuses a configured backend that is not installed.

    Raises:
        ImportError: If the backend is unknown or missing. The message names
            the extra that brings it, and the backends that are installed.
    """
    name = configured_backend()
    if "keras" in sys.modules or name in _WITHOUT_TRAINING:
        return
    if name not in BACKENDS:
        raise ImportError(
            f"Keras is set to use the backend {name!r}, which there is not. "
            "Set the environment variable KERAS_BACKEND to one of "
            f"{', '.join(BACKENDS)}.",
            name=name,
        )
    installed = installed_backends()
    if name in installed:
        return
    message = (
        f"kerasseg needs the backend that Keras is set to use, and {name!r} "
        f'is not installed. Install it: pip install "kerasseg[{name}]"'
    )
    if installed:
        message += (
            f". Or use one that is installed: set the environment variable "
            f"KERAS_BACKEND={installed[0]}"
        )
    raise ImportError(f"{message}.", name=name)
