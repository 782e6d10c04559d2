"""GDN's matrices, one NumPy file each.

The repository of Nekrasov et al. has them as `(cells, pixels)`, the transpose
of what `GlobalInterpolation` multiplies by: `w0` for rows, `w1` for columns.
"""

from pathlib import Path

import numpy as np

from kerasseg.importers.source import Layer
from kerasseg.importers.source import Source
from kerasseg.importers.source import Tensor
from kerasseg.importers.source import unreadable
from kerasseg.zoo.errors import WeightsError

MAGIC = b"\x93NUMPY"
_WHAT = "a NumPy file of one matrix (.npy)"


def read(*paths: str | Path) -> Source:
    """Reads the two matrices.

    Args:
        *paths: Paths of the matrix for rows and of that for columns.

    Returns:
        A `Source` with one layer `gdn`.

    Raises:
        WeightsError: If there are not two files, or one is no such file or
            holds Python objects.
    """
    if len(paths) != 2:
        raise WeightsError(
            "`path` must be two files, the matrix for rows and that for "
            f"columns (w0 and w1). Received: {len(paths)}"
        )
    tensors = {
        f"blob_{index}": _matrix(path) for index, path in enumerate(paths)
    }
    return Source(str(paths[0]), "NumPy", (Layer("gdn", "Matrices", tensors),))


def _matrix(path):
    try:
        # Mapped, so that no more is read than is there.
        matrix = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:
        # NumPy evaluates the header, and lets through what goes wrong.
        raise unreadable(path, _WHAT, error) from error
    if matrix.ndim != 2 or matrix.dtype.kind != "f":
        raise unreadable(path, _WHAT, f"{matrix.dtype} of shape {matrix.shape}")
    return Tensor(Path(path).name, matrix.shape, lambda: matrix)
