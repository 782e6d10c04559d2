"""Packages of the extra `import`, imported when a file needs them."""

import importlib


def require(module: str, package: str):
    """Imports a module of the extra `import`.

    Args:
        module: Its name.
        package: The distribution that has it.

    Returns:
        The module.

    Raises:
        ImportError: If it is not installed; the message says how to get it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"Reading this file needs {package}: pip install kerasseg[import]",
            name=package,
        ) from error
