"""A damaged training state is refused, and changes nothing."""

import hashlib
import io
import zipfile

import keras
import numpy as np
import pytest
from damage import damaged_bytes

from kerasseg.losses import SegmentationLoss
from kerasseg.training import Checkpoint


@pytest.fixture
def trainer(model):
    tiny = model()
    tiny.compile(keras.optimizers.SGD(0.01), SegmentationLoss())
    tiny.optimizer.build(tiny.trainable_variables)
    return tiny


@pytest.fixture
def checkpoint(trainer, tmp_path):
    """A checkpoint with its state on disk."""
    checkpoint = Checkpoint(tmp_path / "last.npz", {"epochs": "3"})
    checkpoint.set_model(trainer)
    checkpoint.write(1)
    return checkpoint


def sealed(content):
    """A file with the hash that it would have if `Checkpoint` had made it."""
    file = io.BytesIO(content)
    with zipfile.ZipFile(file, "a") as archive:
        archive.comment = bytes(64)
    return hashed(file.getvalue())


def hashed(content):
    body = content[:-64]
    return body + hashlib.sha256(body).hexdigest().encode()


def state(trainer):
    return [
        keras.ops.convert_to_numpy(v)
        for v in (*trainer.weights, *trainer.optimizer.variables)
    ]


def equal(before, trainer):
    pairs = zip(before, state(trainer), strict=True)
    return all(np.array_equal(one, other) for one, other in pairs)


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"epochs": 1},
        {"epochs": 1, "recipe": "{"},
        {"epochs": 1, "recipe": '["epochs"]'},
        {"epochs": 1, "recipe": '{"epochs": 1}'},
        {"epochs": -1, "recipe": "{}"},
        {"epochs": "many", "recipe": "{}"},
        {"epochs": [1, 2], "recipe": "{}"},
        {"epochs": 1.5, "recipe": "{}"},
        {"epochs": 1, "recipe": "{}", "arr_0": np.array([{}])},
        {"epochs": 1, "recipe": "{}", "arr_0": np.array(["a"])},
        {"epochs": 1, "recipe": "{}", "arr_0": np.array([1j])},
        {"epochs": 1, "recipe": "{}", "arr_0": np.array([np.nan])},
        {"epochs": 1, "recipe": "[" * 100_000},
    ],
)
def test_a_state_of_others_is_refused(checkpoint, trainer, parts):
    content = io.BytesIO()
    np.savez(content, **parts)
    checkpoint.path.write_bytes(sealed(content.getvalue()))
    before = state(trainer)
    with pytest.raises(ValueError, match="last.npz', which is damaged"):
        checkpoint.restore(trainer)
    assert equal(before, trainer)


@pytest.mark.one_backend
@pytest.mark.parametrize(
    "cases",
    [range(300), pytest.param(range(20_000), marks=pytest.mark.nightly)],
)
def test_damaged_states(checkpoint, trainer, cases):
    """Half of them have the right hash, as if written by something else."""
    content = checkpoint.path.read_bytes()
    before = state(trainer)
    passed = 0
    for case in cases:
        rng = np.random.default_rng([20160, case])
        damaged = damaged_bytes(content, rng)
        foreign = case % 2 and len(damaged) > 64
        checkpoint.path.write_bytes(hashed(damaged) if foreign else damaged)
        try:
            checkpoint.restore(trainer)
        except ValueError as error:
            message = str(error)
            assert "last.npz" in message, case
            assert "is damaged" in message or "with the" in message, case
            assert equal(before, trainer), case
            continue
        except Exception as error:
            error.add_note(f"case {case}")
            raise
        passed += 1
        assert foreign or damaged == content, case
        assert all(np.isfinite(array).all() for array in state(trainer)), case
        before = state(trainer)
    assert passed < 0.2 * len(cases)
