"""Masks in files of MATLAB."""

from pathlib import Path
from typing import Any

from kerasseg.data.image import ImageReadError


def read_matlab(path: Path, name: str) -> Any:
    """A variable in a file of MATLAB.

    Args:
        path: The file.
        name: Name of the variable.

    Returns:
        The variable, as an array.

    Raises:
        ImportError: If SciPy is not installed.
        ImageReadError: If the file cannot be read or has no such variable.
    """
    try:
        from scipy.io import loadmat
    except ImportError as error:
        raise ImportError(
            'Reading .mat files needs SciPy: pip install "kerasseg[formats]"'
        ) from error
    try:
        return loadmat(path)[name]
    # A damaged file makes the parser raise errors of many kinds.
    except Exception as error:
        raise ImageReadError(
            f"Cannot read {name} from {path}: {error!r}"
        ) from error
