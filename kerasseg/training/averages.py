"""The averages of the weights that an optimizer with `use_ema=True` keeps."""

import contextlib
from typing import Any

import keras


class ScoreAverages(keras.callbacks.Callback):
    """Validates the averages of the weights, which are what a training yields.

    `keras.callbacks.SwapEMAWeights` does so too, but rounds the weights as it
    brings them back. Nothing happens with an optimizer that keeps none.
    """

    def __init__(self) -> None:
        super().__init__()
        self._scored = contextlib.ExitStack()

    def on_test_begin(self, logs=None):
        self._scored.enter_context(averaged(self.model.optimizer))

    def on_test_end(self, logs=None):
        self._scored.close()


@contextlib.contextmanager
def averaged(optimizer: Any):
    """Puts the averages into the variables of a model meanwhile.

    Args:
        optimizer: The optimizer that the model was compiled with.

    Yields:
        Nothing.
    """
    pairs = list(_pairs(optimizer))
    before = [keras.ops.convert_to_numpy(variable) for variable, _ in pairs]
    for variable, average in pairs:
        variable.assign(keras.ops.convert_to_numpy(average))
    try:
        yield
    finally:
        for (variable, _), value in zip(pairs, before, strict=True):
            variable.assign(value)


def _pairs(optimizer):
    """Each variable with the variable that holds its average."""
    # Of a `LossScaleOptimizer`, and of `LearningRateMultipliers`.
    inner = getattr(optimizer, "inner_optimizer", None)
    for one in getattr(optimizer, "optimizers", [inner] if inner else []):
        yield from _pairs(one)
    if optimizer.built and getattr(optimizer, "use_ema", False):
        # Keras names them nowhere else.
        averages = getattr(optimizer, "_model_variables_moving_average", [])
        yield from zip(optimizer._trainable_variables, averages, strict=False)
