"""A disk that is full when an epoch ends."""

import errno

import keras
import numpy as np
import pytest

from kerasseg.training import fit


def weights(model):
    return [keras.ops.convert_to_numpy(v) for v in model.weights]


class Disk(keras.callbacks.Callback):
    """Is full from the second epoch on."""

    def __init__(self, patch, code):
        super().__init__()
        self.patch = patch
        self.code = code

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            self.patch.setattr(np, "savez", self.refuse)

    def refuse(self, file, *arrays, **facts):
        # What was written before the disk was full.
        file.write(b"PK")
        raise OSError(self.code, "No space left on device")


@pytest.mark.by_day(1)
@pytest.mark.every_backend
@pytest.mark.parametrize("validated", [True, False])
def test_what_was_written_is_kept(
    make_recipe, draw, tmp_path, monkeypatch, validated
):
    # With a validation the weights of the best epoch are written first.
    recipe = make_recipe(
        epochs=3, validation=(lambda: draw(3, seed=2)) if validated else None
    )
    whole = fit(recipe, tmp_path / "whole", verbose=0)
    run = tmp_path / "run"
    callbacks = [Disk(monkeypatch, errno.ENOSPC)]
    kept = r"No space left.*The last finished epoch .* is kept.*run"
    with pytest.raises(OSError, match=kept) as caught:
        fit(recipe, run, verbose=0, callbacks=callbacks)
    monkeypatch.undo()
    assert caught.value.errno == errno.ENOSPC
    left = {path.name for path in run.iterdir()}
    assert not [name for name in left if name.startswith(".last")]
    with np.load(run / "last.npz") as state:
        assert int(state["epochs"]) == 1

    # Once there is room, all is as if there always had been.
    resumed = fit(recipe, run, verbose=0)
    for one, other in zip(weights(whole), weights(resumed), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_first_epoch_without_room(make_recipe, tmp_path, monkeypatch):
    def refuse(file, *arrays, **facts):
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr(np, "savez", refuse)
    with pytest.raises(OSError, match="quota exceeded.*Nothing is kept yet"):
        fit(make_recipe(), tmp_path / "run", verbose=0)
    assert not (tmp_path / "run" / "last.npz").exists()
