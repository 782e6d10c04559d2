"""What the exporters raise, and the check that a runtime is installed."""

import importlib


class ExportError(RuntimeError):
    """An exported file that must not be used.

    Raised when a conversion fails, when its result holds operators that the
    plain runtime does not know, or when the written file computes something
    else than the Keras model. The message says what differs. An exporter that
    raises it has written nothing to the requested path.
    """


def require(module_name: str, extra: str):
    """Imports an optional package or names the extra that installs it.

    Args:
        module_name: Name of the module to import.
        extra: Extra of kerasseg that brings it.

    Returns:
        The imported module.

    Raises:
        ImportError: If the module is not installed.
    """
    try:
        return importlib.import_module(module_name)
    except ImportError as error:
        raise ImportError(
            f"This export needs the package {module_name!r}, which cannot "
            f"be imported ({error}). Install it with: pip install "
            f'"kerasseg[{extra}]"'
        ) from error
