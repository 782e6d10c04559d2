"""What the runtimes of all formats have in common."""

import os

import numpy as np

from kerasseg.export.errors import ExportError
from kerasseg.export.errors import first_line


def available_threads() -> int:
    """Counts the cores that this process may use.

    Returns:
        Number of threads that the runtimes are given.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_all(run, images) -> np.ndarray:
    """Runs images one by one.

    Args:
        run: Function from an image batch to logits or class ids.
        images: Array `(batch, height, width, channels)`, values 0..255.

    Returns:
        Array of the results.
    """
    images = np.asarray(images, "float32")
    return np.concatenate([run(image[None]) for image in images])


def checked_output(inputs, outputs) -> str:
    """Refuses names of input and output that are not the project's.

    Args:
        inputs: List of the names of all inputs.
        outputs: List of the names of all outputs.

    Returns:
        Name of the output.

    Raises:
        ExportError: If they are not `images` and `logits` or `mask`.
    """
    if inputs == ["images"] and outputs in (["logits"], ["mask"]):
        return outputs[0]
    raise ExportError(
        f"The exported file must have the input images and the output "
        f"logits or mask. Found inputs {inputs} and outputs {outputs}."
    )


def unloadable(runtime: str, error: BaseException) -> ExportError:
    """Makes the error for a file that its runtime refuses.

    Args:
        runtime: Name of the runtime.
        error: What it raised.

    Returns:
        An `ExportError`.
    """
    return ExportError(
        f"{runtime} cannot load the exported file: {first_line(error)}"
    )
