import keras
import pytest

from kerasseg.training import fit
from kerasseg.training.devices import strategy

TENSORFLOW = keras.backend.backend() == "tensorflow"
tensorflow_only = pytest.mark.skipif(
    not TENSORFLOW, reason="tf.distribute is TensorFlow"
)


def test_one_device_by_default():
    shared = strategy()
    assert shared.num_replicas_in_sync == 1
    with shared.scope():
        assert keras.Variable(1.0).shape == ()


@pytest.mark.every_backend
@pytest.mark.skipif(TENSORFLOW, reason="TensorFlow takes `devices`")
def test_devices_on_another_backend(make_recipe, tmp_path):
    with pytest.raises(ValueError, match="keras.distribution instead"):
        fit(make_recipe(), tmp_path / "run", devices=["CPU:0"])
    assert not (tmp_path / "run").exists()


@tensorflow_only
@pytest.mark.parametrize("name", ["CPU:0", "/cpu:0", "/device:CPU:0"])
def test_names_of_a_device(name):
    assert strategy([name]).num_replicas_in_sync == 1


@tensorflow_only
@pytest.mark.parametrize("names", [[], ["CPU:7"], ["TPU"], ["cpu:0", "CPU:0"]])
def test_unknown_devices(make_recipe, tmp_path, names):
    with pytest.raises(ValueError, match="different ones of .*'CPU:0'"):
        fit(make_recipe(), tmp_path / "run", devices=names)
    assert not (tmp_path / "run").exists()


@tensorflow_only
def test_inside_of_a_scope_of_the_user():
    import tensorflow as tf

    outer = tf.distribute.OneDeviceStrategy("/cpu:0")
    with outer.scope():
        assert strategy() is outer


@tensorflow_only
def test_multi_worker_strategy_is_refused(make_recipe, tmp_path, monkeypatch):
    import tensorflow as tf

    # A real one wants to be the first that TensorFlow does in a process.
    class Fake(tf.distribute.MultiWorkerMirroredStrategy):
        def __init__(self):
            pass

    monkeypatch.setattr(tf.distribute, "get_strategy", Fake)
    with pytest.raises(
        RuntimeError, match="does not work with Keras 3.*issues/20585"
    ):
        fit(make_recipe(), tmp_path / "run")
    assert not (tmp_path / "run").exists()
