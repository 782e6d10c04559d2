import os
from pathlib import Path

import h5py
import keras
import numpy as np

_EPOCHS = "epochs"


class Checkpoint(keras.callbacks.Callback):
    """Keeps the weights and the optimizer of the last finished epoch.

    The file is replaced in one step, so a run that is killed at any moment
    leaves the epoch before. The number of finished epochs is an attribute of
    the file; one without it counts the optimizer's steps.

    Args:
        path: File name ending in `.weights.h5`.
        steps_per_epoch: Number of steps of an epoch.
    """

    def __init__(self, path: Path, steps_per_epoch: int) -> None:
        super().__init__()
        self.path = Path(path)
        self.steps_per_epoch = steps_per_epoch

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
        # The last step of an epoch can ruin weights after a finite loss.
        for variable in (*self.model.weights, *self.model.optimizer.variables):
            if not np.isfinite(_numpy(variable)).all():
                raise FloatingPointError(
                    f"{variable.path} holds numbers that are not finite."
                )
        temporary = self.path.with_name(f".{os.getpid()}-{self.path.name}")
        try:
            self.model.save_weights(temporary, overwrite=True)
            with h5py.File(temporary, "a") as file:
                file.attrs[_EPOCHS] = epochs
            os.replace(temporary, self.path)
        finally:
            temporary.unlink(missing_ok=True)

    def restore(self, model: keras.Model) -> int:
        """Loads the state, if there is one.

        Args:
            model: A compiled model.

        Returns:
            The number of finished epochs.
        """
        if not self.path.exists():
            return 0
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        model.load_weights(self.path)
        with h5py.File(self.path) as file:
            epochs = file.attrs.get(_EPOCHS)
        if epochs is None:
            epochs = _numpy(model.optimizer.iterations) // self.steps_per_epoch
        return int(epochs)


def _numpy(variable):
    return keras.ops.convert_to_numpy(variable)
