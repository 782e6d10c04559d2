"""Weights of backbones as archives of NumPy."""

import os

import numpy as np

from kerasseg.channels import first_kernel


def load_archive(model, path, archived, first, ignored=(), optional=()):
    """Assigns the arrays of an archive to the variables of a model.

    Args:
        model: A `keras.Model`.
        path: Path of the archive.
        archived: Function from the path of a variable to a name in the
            archive.
        first: Name of the kernel that reads images, RGB.
        ignored: Beginnings of names that the model has no variables for.
            Defaults to none.
        optional: Beginnings of names that the archive may lack. Defaults to
            none.

    Raises:
        ValueError: If there is no such file, or it holds other arrays.
    """
    if not os.path.isfile(path):
        raise ValueError(
            "`weights` must be the path of a NumPy archive. "
            f"Received: weights={os.fspath(path)}, which is no file"
        )
    with np.load(path, allow_pickle=False) as archive:
        arrays = {
            name: archive[name]
            for name in archive.files
            if not name.startswith(tuple(ignored))
        }
    if first in arrays and arrays[first].shape[2:3] == (3,):
        arrays[first] = first_kernel(arrays[first], model.inputs[0].shape[-1])
    variables = {
        name: variable
        for variable in model.weights
        if (name := archived(variable.path)) in arrays
        or not name.startswith(tuple(optional))
    }
    shapes = {name: tuple(v.shape) for name, v in variables.items()}
    if shapes != {name: array.shape for name, array in arrays.items()}:
        raise ValueError(
            f"`weights` must be those of {model.name}. "
            f"Received: weights={os.fspath(path)}, which holds other arrays"
        )
    for name, variable in variables.items():
        variable.assign(arrays[name])
