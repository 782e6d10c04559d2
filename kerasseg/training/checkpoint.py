from pathlib import Path

import keras
import numpy as np

from kerasseg.atomic import atomic_file

_EPOCHS = "epochs"


class Checkpoint(keras.callbacks.Callback):
    """Keeps the state of a training after its last finished epoch.

    That is weights, optimizer, states of random layers, and the number of
    finished epochs. The file is replaced in one step, so a run that is killed
    at any moment leaves the epoch before.

    Args:
        path: File name ending in `.npz`.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = Path(path)

    def on_epoch_end(self, epoch, logs=None):
        self.write(epoch + 1)

    def write(self, epochs: int) -> None:
        """Writes the state now.

        Args:
            epochs: The number of finished epochs.

        Raises:
            OSError: if it cannot be written; an older file is then intact.
            FloatingPointError: if the state holds NaN or infinity; an older
                file is then intact, too.
        """
        arrays = []
        for variable in _variables(self.model):
            array = _plain(keras.ops.convert_to_numpy(variable))
            # The last step of an epoch can ruin weights after a finite loss.
            if not np.isfinite(array).all():
                raise FloatingPointError(
                    f"{variable.path} holds numbers that are not finite."
                )
            arrays.append(array)
        # Not HDF5, which crashes the process when the disk is full.
        with atomic_file(self.path) as temporary, temporary.open("wb") as file:
            np.savez(file, *arrays, **{_EPOCHS: epochs})

    def restore(self, model: keras.Model) -> int:
        """Loads the state, if there is one.

        Args:
            model: A compiled model.

        Returns:
            The number of finished epochs.

        Raises:
            ValueError: if the state is that of another model or optimizer.
        """
        if not self.path.exists():
            return 0
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        variables = _variables(model)
        with np.load(self.path, allow_pickle=False) as file:
            epochs = int(file[_EPOCHS])
            arrays = [file[name] for name in file.files if name != _EPOCHS]
        shapes = [tuple(variable.shape) for variable in variables]
        if shapes != [array.shape for array in arrays]:
            raise ValueError(
                "The run must be resumed with the model and the optimizer "
                f"that it began with. Received: path={str(self.path)!r}, "
                "which holds the state of others"
            )
        for variable, array in zip(variables, arrays, strict=True):
            variable.assign(array)
        return epochs


def _variables(model):
    # Those of metrics start anew in each epoch.
    passing = {id(variable) for variable in model.metrics_variables}
    lasting = [v for v in model.variables if id(v) not in passing]
    return [*lasting, *model.optimizer.variables]


def _plain(array):
    # NumPy cannot store bfloat16; float32 holds the same numbers.
    return array.astype("float32") if array.dtype.kind == "V" else array
