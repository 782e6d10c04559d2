import errno
import json
import os
from pathlib import Path

import keras
import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file
from safetensors.numpy import save_file

from kerasseg.zoo.errors import WeightsError
from kerasseg.zoo.saving import save
from kerasseg.zoo.weights import _content
from kerasseg.zoo.weights import class_dependent_names
from kerasseg.zoo.weights import read_weights
from kerasseg.zoo.weights import write_weights


@pytest.fixture
def path(tmp_path, trained):
    """A weights file of `trained`."""
    path = tmp_path / "net.safetensors"
    write_weights(trained, path)
    return path


def test_half_precision_round_trip(path, net, trained, weights_of):
    model = net()
    read_weights(model, path)
    expected = weights_of(trained)
    for name, value in weights_of(model).items():
        # Eleven significant bits; vectors are exact.
        tolerance = 2.0**-11 if value.ndim > 1 else 0
        np.testing.assert_allclose(value, expected[name], rtol=tolerance)
    assert list(weights_of(model)) == list(expected)


@pytest.mark.every_backend
def test_single_precision_is_exact(tmp_path, net, trained, weights_of):
    path = tmp_path / "net.safetensors"
    write_weights(trained, path, dtype="float32")
    model = net()
    read_weights(model, path)
    expected = weights_of(trained)
    for name, value in weights_of(model).items():
        np.testing.assert_array_equal(value, expected[name])


def test_equal_weights_give_equal_bytes(path, tmp_path, trained):
    again = tmp_path / "again.safetensors"
    write_weights(trained, again)
    assert again.read_bytes() == path.read_bytes()


def test_half_precision_keeps_what_it_cannot_hold(tmp_path, net, weights_of):
    model = net()
    kernel = model.get_layer("logits").kernel
    large = np.full(kernel.shape, 1e6, "float32")
    kernel.assign(large)
    write_weights(model, tmp_path / "net.safetensors")
    kernel.assign(large * 0)
    read_weights(model, tmp_path / "net.safetensors")
    np.testing.assert_array_equal(weights_of(model)["logits/kernel"], large)


def test_random_states_and_counters(tmp_path):
    inputs = keras.Input((4,), name="inputs")
    x = keras.layers.Dropout(0.5, seed=1, name="drop")(inputs)
    layer = keras.layers.Normalization(name="normal")
    x = keras.layers.Dense(3, name="dense")(layer(x))
    model = keras.Model(inputs, x, name="counted")
    write_weights(model, tmp_path / "counted.safetensors")
    read_weights(model, tmp_path / "counted.safetensors")
    with safe_open(tmp_path / "counted.safetensors", "numpy") as stored:
        assert {name.partition("/")[0] for name in stored.keys()} == {  # noqa: SIM118
            "normal",
            "dense",
        }


def test_paths_are_stable_and_unique(net):
    first, second = net(), net()
    paths = [v.path for v in first.weights]
    assert len(set(paths)) == len(paths)
    assert paths == [v.path for v in second.weights]
    again = keras.models.model_from_json(first.to_json())
    assert paths == [v.path for v in again.weights]


def test_two_variables_with_one_path_are_refused(tmp_path):
    pixels = keras.Input((8, 6, 3))
    convolution = keras.layers.Conv2D(3, 1, name="conv")
    backbone = keras.Model(pixels, convolution(pixels))
    images = keras.Input((8, 6, 3))
    head = keras.layers.Conv2D(2, 1, name="conv")(backbone(images))
    with pytest.raises(ValueError, match="unique paths.*'conv/kernel' twice"):
        write_weights(keras.Model(images, head), tmp_path / "a.safetensors")


def test_arguments(tmp_path, trained):
    path = tmp_path / "a.safetensors"
    with pytest.raises(ValueError, match="Received: dtype='int8'"):
        write_weights(trained, path, dtype="int8")
    with pytest.raises(ValueError, match="must be built"):
        write_weights(keras.Sequential(), path)
    trained.get_layer("logits").bias.assign([1, np.nan, 2, 3, 4])
    with pytest.raises(ValueError, match="NaN or infinity in 'logits/bias'"):
        write_weights(trained, path)
    assert not path.exists()
    with pytest.raises(FileNotFoundError, match="no weights file at"):
        read_weights(trained, path)


def test_wrong_architecture(path, net, scramble, weights_of):
    model = scramble(net(filters=6), seed=2)
    before = weights_of(model)
    with pytest.raises(WeightsError, match="another architecture") as caught:
        read_weights(model, path)
    message = str(caught.value)
    assert "'net', 5 classes" in message
    assert "stem/kernel (3, 3, 3, 8), in the model (3, 3, 3, 6)" in message
    assert "of another shape (7)" in message
    assert "and 2 more" in message
    for name, value in weights_of(model).items():
        np.testing.assert_array_equal(value, before[name])


def test_missing_and_unexpected_variables(path, net, trained):
    model = net()
    head = keras.layers.Conv2D(5, 1, name="extra")(model.output)
    larger = keras.Model(model.input, head)
    with pytest.raises(
        WeightsError, match=r"missing from the file \(2\): extra/kernel"
    ):
        read_weights(larger, path)
    read_weights(larger, path, skip=["extra/kernel", "extra/bias"])

    smaller = keras.Model(model.input, model.get_layer("coefficients").output)
    with pytest.raises(
        WeightsError, match=r"not in the model \(2\): logits/.*logits/"
    ):
        read_weights(smaller, path)
    read_weights(smaller, path, allow_extra=True)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(smaller.get_layer("coefficients").bias),
        keras.ops.convert_to_numpy(trained.get_layer("coefficients").bias),
    )


def test_class_dependent_variables(path, net, weights_of, trained):
    model = net(num_classes=3)
    expected = (
        "coefficients/kernel",
        "coefficients/bias",
        "logits/kernel",
        "logits/bias",
    )
    assert class_dependent_names(model, path) == expected
    before = weights_of(model)
    read_weights(model, path, skip=expected)
    after, source = weights_of(model), weights_of(trained)
    for name in after:
        wanted = before if name in expected else source
        np.testing.assert_allclose(after[name], wanted[name], rtol=1e-3)
    assert class_dependent_names(net(num_classes=5), path) == ()


def test_other_shapes_are_not_excused_by_the_classes(path, net):
    model = net(num_classes=3, filters=6)
    skip = class_dependent_names(model, path)
    assert "stem/kernel" not in skip
    # Ten maps per class, but of another backbone.
    assert "coefficients/kernel" not in skip
    with pytest.raises(WeightsError, match="stem/kernel"):
        read_weights(model, path, skip=skip)


@pytest.mark.parametrize("size", [0, 7, 100, 2000, -1])
def test_truncated_file(path, net, size):
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(WeightsError, match="damaged"):
        read_weights(net(), path)


def test_flipped_byte(path, net):
    content = bytearray(path.read_bytes())
    content[-5] ^= 4
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="not those that were written"):
        read_weights(net(), path)


def test_flipped_bytes_never_change_a_number(path, trained, weights_of, rng):
    model = trained
    read_weights(model, path)
    expected = weights_of(model)
    content = path.read_bytes()
    refused = 0
    for position in rng.choice(len(content), 100, replace=False):
        damaged = bytearray(content)
        damaged[position] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        try:
            read_weights(model, path)
        except WeightsError:
            refused += 1
    # The rest hit the name of the model, or blanks in the header.
    assert refused > 90
    for name, value in weights_of(model).items():
        np.testing.assert_array_equal(value, expected[name])


def test_foreign_files(tmp_path, net):
    path = tmp_path / "net.safetensors"
    save_file({"stem/bias": np.zeros(8, "float32")}, path)
    with pytest.raises(WeightsError, match="as `kerasseg.zoo.write_weights`"):
        read_weights(net(), path)
    net().save_weights(tmp_path / "net.weights.h5")
    with pytest.raises(WeightsError, match="of another format"):
        read_weights(net(), tmp_path / "net.weights.h5")
    path.write_text("<html>Not found</html>")
    with pytest.raises(WeightsError, match="of another format"):
        read_weights(net(), path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite(path, net, weights_of, value, tmp_path):
    arrays = load_file(path)
    arrays["stem/kernel"] = arrays["stem/kernel"].copy()
    arrays["stem/kernel"][1, 2, 0, 3] = value
    path.write_bytes(_content(arrays, {"format_version": 1, "num_classes": 5}))
    model = net()
    before = weights_of(model)
    with pytest.raises(WeightsError, match="infinity in stem/kernel"):
        read_weights(model, path)
    for name, array in weights_of(model).items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool"])
def test_integers_are_no_weights(path, net, dtype):
    arrays = load_file(path)
    arrays["stem/bias"] = np.ones(8, dtype)
    path.write_bytes(_content(arrays, {"format_version": 1, "num_classes": 5}))
    with pytest.raises(
        WeightsError, match=rf"another type \(1\): stem/bias {dtype}, in the"
    ):
        read_weights(net(), path)


def test_facts_are_metadata_that_anyone_reads(path, trained):
    write_weights(trained, path, facts={"dataset": "camvid"})
    with safe_open(path, "numpy") as stored:
        facts = json.loads(stored.metadata()["kerasseg"])
    assert facts["dataset"] == "camvid"
    assert facts["model"] == "net"
    assert facts["num_classes"] == 5


def test_terminal_codes_in_a_file_are_not_printed(path, net):
    arrays = {"\x1b[2Jstem": np.ones(8, "float32")}
    facts = {"format_version": 1, "num_classes": 5, "model": "\x1b]0;gone\a"}
    path.write_bytes(_content(arrays, facts))
    with pytest.raises(WeightsError, match="another architecture") as caught:
        read_weights(net(), path)
    assert str(caught.value).isprintable()


def test_a_saved_folder_stands_for_its_weights(
    tmp_path, net, trained, weights_of
):
    save(trained, tmp_path / "saved")
    stem = net().get_layer("backbone")
    read_weights(stem, tmp_path / "saved", allow_extra=True)
    expected = weights_of(trained)
    for name, value in weights_of(stem).items():
        np.testing.assert_array_equal(value, expected[name])
    assert class_dependent_names(net(num_classes=3), tmp_path / "saved")


def test_a_full_disk_keeps_the_old_file(path, net, file_size_limit):
    before = path.read_bytes()
    with file_size_limit(1000), pytest.raises(OSError, match="File too large"):
        write_weights(net(), path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_a_failing_write_keeps_the_old_file(path, net, monkeypatch):
    before = path.read_bytes()

    def fail(self, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match="No space left"):
        write_weights(net(), path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_a_write_that_reads_back_differently_is_not_kept(
    path, net, monkeypatch
):
    before = path.read_bytes()
    real = Path.write_bytes
    monkeypatch.setattr(
        Path, "write_bytes", lambda self, content: real(self, before)
    )
    with pytest.raises(OSError, match="do not read back"):
        write_weights(net(), path)
    assert path.read_bytes() == before
