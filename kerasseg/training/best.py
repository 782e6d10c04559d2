"""The weights of the epoch that was best on the validation data."""

import math
from pathlib import Path

import keras
import numpy as np

from kerasseg.files import atomic_file
from kerasseg.training.averages import averaged

_EPOCH = "epoch"
_SCORE = "score"


class BestWeights(keras.callbacks.Callback):
    """Keeps the weights of the epoch with the highest score, on disk.

    With an optimizer of `use_ema=True`, the averages that were validated, see
    `ScoreAverages`. The file is replaced in one step. A later epoch of the
    same score does not replace it, so a run that is resumed keeps the same
    epoch.

    Args:
        path: File name ending in `.npz`.
        weights_of: The model whose weights are kept.
        monitor: Name of the score in the logs, of which more is better.
            Defaults to `"val_mean_iou"`.
    """

    def __init__(
        self,
        path: Path,
        weights_of: keras.Model,
        monitor: str = "val_mean_iou",
    ) -> None:
        super().__init__()
        self.path = Path(path)
        self._weights_of = weights_of
        self._monitor = monitor
        self._score = -math.inf

    def on_train_begin(self, logs=None):
        if self.path.exists():
            with np.load(self.path, allow_pickle=False) as file:
                self._score = float(file[_SCORE])

    def on_epoch_end(self, epoch, logs=None):
        score = float((logs or {}).get(self._monitor, math.nan))
        if not score > self._score:
            return
        self._score = score
        with averaged(self.model.optimizer):
            # float32 holds bfloat16, which NumPy cannot store.
            arrays = [
                keras.ops.convert_to_numpy(v).astype("float32")
                if keras.backend.standardize_dtype(v.dtype) == "bfloat16"
                else keras.ops.convert_to_numpy(v)
                for v in self._weights_of.weights
            ]
        facts = {_EPOCH: epoch + 1, _SCORE: score}
        with (
            atomic_file(self.path) as temporary,
            temporary.open("wb") as file,
        ):
            np.savez(file, *arrays, **facts)

    def restore(self, model: keras.Model) -> int:
        """Gives a model the weights of the best epoch.

        Args:
            model: A model like the one that was trained.

        Returns:
            The number of the epoch, from 1.

        Raises:
            ValueError: If there are no such weights, or those of another
                model.
        """
        if not self.path.exists():
            raise ValueError(
                f"`{self._monitor}` must have been a number after an epoch to "
                f"keep the best. Received: none, so no {self.path.name}"
            )
        with np.load(self.path, allow_pickle=False) as file:
            arrays = [
                file[name]
                for name in file.files
                if name not in (_EPOCH, _SCORE)
            ]
            epoch = int(file[_EPOCH])
        shapes = [tuple(variable.shape) for variable in model.weights]
        if shapes != [array.shape for array in arrays]:
            raise ValueError(
                "The best weights must be those of the model. Received: "
                f"path={str(self.path)!r}, which holds those of another"
            )
        for variable, array in zip(model.weights, arrays, strict=True):
            variable.assign(array)
        return epoch
