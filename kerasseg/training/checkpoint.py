import os
from pathlib import Path

import keras


class Checkpoint(keras.callbacks.Callback):
    """Keeps the weights and the optimizer of the last finished epoch.

    The file is replaced in one step, so a run that is killed at any moment
    leaves the epoch before. The epoch to go on from is read off the
    optimizer's step count and needs no second file.

    Args:
        path: File name ending in `.weights.h5`.
        steps_per_epoch: Number of steps of an epoch.
    """

    def __init__(self, path: Path, steps_per_epoch: int) -> None:
        super().__init__()
        self.path = Path(path)
        self.steps_per_epoch = steps_per_epoch

    def on_epoch_end(self, epoch, logs=None):
        self.write()

    def write(self) -> None:
        """Writes the state now.

        Raises:
            OSError: if it cannot be written; an older file is then intact.
        """
        temporary = self.path.with_name(f".{os.getpid()}-{self.path.name}")
        try:
            self.model.save_weights(temporary, overwrite=True)
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
        steps = int(keras.ops.convert_to_numpy(model.optimizer.iterations))
        return steps // self.steps_per_epoch
