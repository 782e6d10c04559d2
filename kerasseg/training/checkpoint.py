"""Checkpoints from which an interrupted run resumes."""

import hashlib
import json
import zipfile
from pathlib import Path

import keras
import numpy as np

from kerasseg.files import atomic_file
from kerasseg.training.provenance import differences

_EPOCHS = "epochs"
_RECIPE = "recipe"
# The hash of the file is its last bytes: the comment of a ZIP archive.
_HASH = 64


class Checkpoint(keras.callbacks.Callback):
    """Keeps the state of a training run after its last finished epoch.

    That is weights, optimizer, states of random layers, the number of
    finished epochs, and what the recipe said. The file is replaced in one
    step, so a run that is killed at any moment leaves the epoch before; it
    ends in its own hash, so that a damaged one is noticed.

    Args:
        path: File name ending in `.npz`.
        recipe: What decides the course of the training, as texts by name.
            Defaults to `None`: not known.
    """

    def __init__(
        self, path: Path, recipe: dict[str, str] | None = None
    ) -> None:
        super().__init__()
        self.path = Path(path)
        self.recipe = recipe or {}

    def on_epoch_end(self, epoch, logs=None):
        self.write(epoch + 1)

    def write(self, epochs: int) -> None:
        """Writes the state now.

        Args:
            epochs: The number of finished epochs.

        Raises:
            OSError: If it cannot be written; an older file is then intact.
            FloatingPointError: If the state holds NaN or infinity; an older
                file is then intact, too.
        """
        arrays = finite_state(self.model)
        facts = {_EPOCHS: epochs, _RECIPE: json.dumps(self.recipe)}
        # Not HDF5, which crashes the process when the disk is full.
        with atomic_file(self.path) as temporary:
            with temporary.open("wb") as file:
                np.savez(file, *arrays, **facts)
            with zipfile.ZipFile(temporary, "a") as archive:
                archive.comment = bytes(_HASH)
            with temporary.open("r+b") as file:
                found = _hash(file)
                file.seek(-_HASH, 2)
                file.write(found)

    def restore(self, model: keras.Model, allow_changes: bool = False) -> int:
        """Loads the state, if there is one.

        Args:
            model: A compiled model.
            allow_changes: Whether the recipe may differ from the one of the
                state. A learning rate without a schedule is then the
                recipe's. Defaults to `False`.

        Returns:
            The number of finished epochs.

        Raises:
            ValueError: If the file is damaged, or the state is that of
                another model or optimizer, or of another recipe.
        """
        if not self.path.exists():
            return 0
        epochs, recipe, arrays = self._read()
        known = recipe and self.recipe
        changed = differences(recipe, self.recipe) if known else []
        if changed and not allow_changes:
            raise ValueError(
                "The run must be resumed with the recipe that it began with, "
                "or with `allow_changes=True`, `--allow-changes` on the "
                f"command line. Received: path={str(self.path)!r}, other "
                f"than now in: {', '.join(changed)}"
            )
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        variables = _variables(model)
        shapes = [tuple(variable.shape) for variable in variables]
        if shapes != [array.shape for array in arrays]:
            raise ValueError(
                "The run must be resumed with the model and the optimizer "
                f"that it began with. Received: path={str(self.path)!r}, "
                "which holds the state of others"
            )
        rate = [v for v in model.optimizer.variables if _is_rate(v)]
        kept = {id(v) for v in rate} if changed else ()
        for variable, array in zip(variables, arrays, strict=True):
            if id(variable) not in kept:
                variable.assign(array)
        return epochs

    def changes(self) -> list[str]:
        """What the recipe of the state on disk and that of now differ in.

        Returns:
            A list of texts; empty where there is no state.
        """
        if not self.path.exists():
            return []
        _, recipe, _ = self._read()
        return differences(recipe, self.recipe)

    def _read(self):
        with self.path.open("rb") as file:
            whole = file.seek(0, 2) > _HASH
            if whole:
                found = _hash(file)
                file.seek(-_HASH, 2)
                whole = file.read() == found
        if not whole:
            raise self._damaged()
        # The hash is right, so this is what somebody wrote, but who? NumPy
        # and what it reads with raise a dozen kinds of errors.
        try:
            with (
                self.path.open("rb") as stream,
                np.load(stream, allow_pickle=False) as file,
            ):
                parts = {name: file[name] for name in file.files}
            epochs = parts.pop(_EPOCHS)
            recipe = json.loads(str(parts.pop(_RECIPE)))
            finite = all(np.isfinite(array).all() for array in parts.values())
        except Exception as error:
            raise self._damaged() from error
        texts = isinstance(recipe, dict) and all(
            isinstance(text, str) for text in recipe.values()
        )
        count = epochs.dtype.kind == "i" and epochs.ndim == 0 and epochs >= 0
        real = all(array.dtype.kind in "biuf" for array in parts.values())
        if not (count and texts and finite and real):
            raise self._damaged()
        return int(epochs), recipe, list(parts.values())

    def _damaged(self):
        return ValueError(
            "The state of a training must be the file that was written. "
            f"Received: path={str(self.path)!r}, which is damaged. Bring it "
            "back from a copy, or delete it to start from the first epoch."
        )


def finite_state(model: keras.Model) -> list[np.ndarray]:
    """What a run goes on from: weights, optimizer, states of random layers.

    Args:
        model: A compiled model that was trained.

    Returns:
        A list of arrays.

    Raises:
        FloatingPointError: If one holds NaN or infinity.
    """
    arrays = []
    for variable in _variables(model):
        array = _plain(keras.ops.convert_to_numpy(variable))
        if not np.isfinite(array).all():
            raise FloatingPointError(
                f"{variable.path} holds numbers that are not finite."
            )
        arrays.append(array)
    return arrays


def _hash(file):
    """The hash of a file but for its last bytes, in hexadecimal digits."""
    left = file.seek(0, 2) - _HASH
    file.seek(0)
    digest = hashlib.sha256()
    while left > 0:
        block = file.read(min(left, 1 << 20))
        digest.update(block)
        left -= len(block)
    return digest.hexdigest().encode()


def _variables(model):
    # Those of metrics start anew in each epoch.
    passing = {id(variable) for variable in model.metrics_variables}
    lasting = [v for v in model.variables if id(v) not in passing]
    return [*lasting, *model.optimizer.variables]


def _is_rate(variable):
    return variable.name == "learning_rate"


def _plain(array):
    # NumPy cannot store bfloat16; float32 holds the same numbers.
    return array.astype("float32") if array.dtype.kind == "V" else array
