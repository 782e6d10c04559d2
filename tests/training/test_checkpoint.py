import errno
import os

import keras
import numpy as np
import pytest

from kerasseg.losses import SegmentationLoss
from kerasseg.training import Checkpoint

STEPS = 3


@pytest.fixture
def trained(model, draw):
    """A compiled model after one epoch, and a checkpoint of it."""
    images, masks = (np.stack(part) for part in zip(*draw(6), strict=True))

    def train(path, fit=True):
        tiny = model()
        tiny.compile(keras.optimizers.Adam(0.01), SegmentationLoss())
        checkpoint = Checkpoint(path)
        if fit:
            tiny.fit(
                images,
                masks.astype("int32"),
                batch_size=2,
                callbacks=[checkpoint],
                verbose=0,
            )
        return tiny, checkpoint

    return train


def state(model):
    return [
        keras.ops.convert_to_numpy(variable)
        for variable in (*model.weights, *model.optimizer.variables)
    ]


@pytest.mark.every_backend
def test_restores_weights_optimizer_and_epoch(tmp_path, trained):
    path = tmp_path / "last.npz"
    first, _ = trained(path)
    second, checkpoint = trained(path, fit=False)
    assert checkpoint.restore(second) == 1
    assert int(second.optimizer.iterations) == STEPS
    for one, other in zip(state(first), state(second), strict=True):
        np.testing.assert_array_equal(one, other)
    assert os.listdir(tmp_path) == [path.name]


def test_nothing_to_restore(tmp_path, trained):
    model, checkpoint = trained(tmp_path / "last.npz", fit=False)
    before = model.get_weights()
    assert checkpoint.restore(model) == 0
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_state_of_another_model(tmp_path, trained):
    path = tmp_path / "last.npz"
    _, checkpoint = trained(path)
    other = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    other.compile("sgd", "mse")
    before = other.get_weights()
    with pytest.raises(
        ValueError, match="resumed with the model and the optimizer.*last.npz"
    ):
        checkpoint.restore(other)
    np.testing.assert_array_equal(other.get_weights()[0], before[0])


def test_random_layers_go_on_where_they_were(tmp_path):
    def noisy():
        # Not dropout, which Keras leaves to PyTorch's own random state there.
        model = keras.Sequential(
            [keras.Input((9,)), keras.layers.GaussianNoise(1.0)]
        )
        model.compile("sgd", "mse")
        return model

    checkpoint = Checkpoint(tmp_path / "last.npz")
    first, second = noisy(), noisy()
    ones = np.ones((4, 9), "float32")
    first(ones, training=True)
    first.optimizer.build([])
    checkpoint.set_model(first)
    checkpoint.write(1)
    checkpoint.restore(second)
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(first(ones, training=True)),
        keras.ops.convert_to_numpy(second(ones, training=True)),
    )


def test_an_error_in_mid_write_keeps_the_old_file(
    tmp_path, trained, monkeypatch
):
    path = tmp_path / "last.npz"
    model, checkpoint = trained(path)
    old = path.read_bytes()

    def fail(source, target):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.write(2)
    assert path.read_bytes() == old
    assert os.listdir(tmp_path) == [path.name]


def test_a_full_disk_keeps_the_old_file(tmp_path, trained):
    resource = pytest.importorskip("resource", reason="a POSIX module")
    path = tmp_path / "last.npz"
    model, checkpoint = trained(path)
    old = path.read_bytes()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            checkpoint.write(2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_bytes() == old
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_refuses_numbers_that_are_not_finite(tmp_path, trained, value):
    path = tmp_path / "last.npz"
    model, checkpoint = trained(path)
    old = path.read_bytes()
    kernel = model.layers[1].kernel
    values = keras.ops.convert_to_numpy(kernel).copy()
    values[0, 0, 1, 2] = value
    kernel.assign(values)
    with pytest.raises(FloatingPointError, match="kernel holds numbers"):
        checkpoint.write(2)
    assert path.read_bytes() == old


def test_a_damaged_state_is_named(tmp_path, trained, rng):
    path = tmp_path / "last.npz"
    model, checkpoint = trained(path)
    content = path.read_bytes()
    before = model.get_weights()
    flipped = []
    for position in rng.choice(len(content), 50, replace=False):
        damaged = bytearray(content)
        damaged[position] ^= 1 << int(rng.integers(8))
        flipped.append(bytes(damaged))
    for damaged in (b"", content[:7], content[:-1], content[1:], *flipped):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="last.npz', which is damaged"):
            checkpoint.restore(model)
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)
    path.write_bytes(content)
    assert checkpoint.restore(model) == 1


def test_the_state_is_a_file_that_numpy_reads(tmp_path, trained):
    trained(tmp_path / "last.npz")
    with np.load(tmp_path / "last.npz") as state:
        assert state["epochs"] == 1
