"""MATLAB files as trees of dictionaries, lists, texts and tensors.

A struct is a dictionary, a struct array and a cell are lists, column by
column. Objects of classes and functions are `None`.
"""

from pathlib import Path
from typing import Any

from kerasseg.importers.mat5 import read_mat5
from kerasseg.importers.mat73 import read_mat73

V5 = b"MATLAB 5.0 MAT-file"
V73 = b"MATLAB 7.3 MAT-file"


def read_mat(path: str | Path) -> dict[str, Any]:
    """Reads a MATLAB file.

    Args:
        path: Path of the file.

    Returns:
        The variables by name. Numbers are read when they are asked for.

    Raises:
        WeightsError: If the file is damaged.
        ImportError: If the file is of version 7.3 and h5py is not installed.
    """
    with open(path, "rb") as file:
        newest = file.read(len(V73)) == V73
    return read_mat73(path) if newest else read_mat5(path)
