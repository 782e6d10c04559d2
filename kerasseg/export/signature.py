"""What a file says about itself, read without running it."""

import dataclasses

import numpy as np

from kerasseg.export.errors import ExportError
from kerasseg.export.errors import first_line


@dataclasses.dataclass(frozen=True)
class TensorSpec:
    """The input or the output of a file.

    Args:
        name: Name in the file.
        shape: Sizes in the layout of the file, `None` where it names none.
        dtype: Number format.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str


@dataclasses.dataclass(frozen=True)
class Signature:
    """Input, output and numbers of a file.

    Args:
        input: The `TensorSpec` that takes the images.
        output: The `TensorSpec` that returns logits or class ids.
        layout: `"NHWC"` or `"NCHW"`.
        precision: `"float32"`, `"float16"` or `"int8"`: the coarsest number
            format that the file stores or computes with.
    """

    input: TensorSpec
    output: TensorSpec
    layout: str
    precision: str


def sizes(shape) -> tuple[int | None, ...]:
    """Makes a shape of what a format has for one.

    Args:
        shape: Sequence of sizes, negative or `None` where they are open.

    Returns:
        The sizes, `None` where they are open.
    """
    return tuple(
        None if size is None or size < 0 else int(size) for size in shape
    )


def dtype_name(dtype) -> str:
    """Names a number format.

    Args:
        dtype: What NumPy takes for one.

    Returns:
        The name, such as `"float32"`.
    """
    return np.dtype(dtype).name


def coarsest(names) -> str:
    """Tells the precision of a file from all its number formats.

    Float16 parts of an int8 file do not make it a float16 file.

    Args:
        names: Names of number formats.

    Returns:
        `"int8"`, `"float16"` or `"float32"`.
    """
    names = set(names)
    return next((n for n in ("int8", "float16") if n in names), "float32")


def unreadable(kind: str, error: BaseException) -> ExportError:
    """Makes the error for a file that cannot be read.

    Args:
        kind: What it should be.
        error: What reading it raised.

    Returns:
        An `ExportError`.
    """
    return ExportError(f"The {kind} cannot be read: {first_line(error)}")
