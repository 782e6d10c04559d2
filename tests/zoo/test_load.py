import dataclasses
import logging
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest

from kerasseg import zoo
from kerasseg.zoo import entries
from kerasseg.zoo import fetch


def test_unknown_name(tmp_path):
    with pytest.raises(ValueError, match="name='lrr4x'.*Did you mean 'lrr_4x'"):
        zoo.load("lrr4x")
    with pytest.raises(ValueError, match="Entries: lrr_32x, .*lrr_4x_vgg16"):
        zoo.info("something else entirely")
    with pytest.raises(ValueError, match="a folder without entry.json"):
        zoo.build(tmp_path)


def test_info_is_a_copy():
    zoo.info("lrr_4x").arguments["level"] = "changed"
    assert zoo.info("lrr_4x").arguments == {"level": "4x"}


@pytest.mark.parametrize("num_classes", [1, 0, -3, 2.5, "two", True])
def test_num_classes(num_classes):
    for function in (zoo.build, zoo.load):
        with pytest.raises(ValueError, match="integer of 2 or more. Received"):
            function("lrr_4x", num_classes=num_classes)


def test_untrained_entry():
    with pytest.raises(ValueError, match="no trained weights yet"):
        zoo.load("lrr_4x_vgg16")


@pytest.mark.every_backend
def test_load(small_entry, scramble, weights_of):
    model = zoo.load("small")
    assert model.output_shape == (None, None, None, 11)
    expected = weights_of(scramble(zoo.build("small")))
    for name, value in weights_of(model).items():
        np.testing.assert_allclose(value, expected[name], rtol=2.0**-11)


def test_weights_are_read_by_the_name_of_an_entry(small_entry, weights_of):
    model = zoo.build("small")
    zoo.read_weights(model, "small")
    expected = weights_of(zoo.load("small"))
    for name, value in weights_of(model).items():
        np.testing.assert_array_equal(value, expected[name])
    with pytest.raises(ValueError, match="no trained weights yet"):
        zoo.read_weights(model, "lrr_4x_vgg16")


def test_loaded_models_agree_for_each_image_shape(small_entry, rng):
    images = rng.uniform(0, 255, (1, 48, 65, 3)).astype("float32")
    free = keras.ops.convert_to_numpy(zoo.load("small")(images))
    fixed = zoo.load("small", image_shape=[48, 65, 3])
    assert fixed.output_shape == (None, 48, 65, 11)
    spread = np.std(free)
    assert spread > 0.01
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(fixed(images)), free, atol=1e-4 * spread
    )


def test_weights_argument(small_entry, tmp_path, weights_of):
    fresh = weights_of(zoo.load("small", weights=None))
    assert not np.any(fresh["coefficients_32x/kernel"])
    trained = zoo.load("small")
    zoo.write_weights(trained, tmp_path / "mine.safetensors", dtype="float32")
    zoo.save(trained, tmp_path / "mine")
    for weights in (tmp_path / "mine.safetensors", str(tmp_path / "mine")):
        again = weights_of(zoo.load("small", weights=weights))
        for name, value in weights_of(trained).items():
            np.testing.assert_array_equal(again[name], value)
    with pytest.raises(FileNotFoundError, match="no weights file at missing"):
        zoo.load("small", weights="missing")


@pytest.mark.every_backend
def test_new_classes_keep_the_backbone(small_entry, weights_of, caplog):
    caplog.set_level(logging.INFO, "kerasseg.zoo")
    trained = weights_of(zoo.load("small"))
    model = zoo.load("small", num_classes=2)
    assert model.output_shape[-1] == 2
    skipped = []
    for name, value in weights_of(model).items():
        if value.shape == trained[name].shape:
            np.testing.assert_array_equal(value, trained[name])
        else:
            skipped.append(name)
    assert skipped == [
        "coefficients_32x/kernel",
        "coefficients_32x/bias",
        "reconstruction_32x/bases",
        "reconstruction_16x/kernel",
        "reconstruction_16x/bases",
    ]
    fresh = weights_of(zoo.build("small", num_classes=2))
    for name in skipped:
        np.testing.assert_array_equal(
            weights_of(model)[name], fresh[name], err_msg=name
        )
    assert ", ".join(skipped) in caplog.text


def test_weights_of_other_classes(small_entry, tmp_path, weights_of):
    path = tmp_path / "two.safetensors"
    two = zoo.load("small", num_classes=2)
    zoo.write_weights(two, path, dtype="float32")
    again = weights_of(zoo.load("small", num_classes=2, weights=path))
    for name, value in weights_of(two).items():
        np.testing.assert_array_equal(again[name], value)
    # Without `num_classes` nothing is skipped.
    with pytest.raises(zoo.WeightsError, match="2 classes.*coefficients_32x"):
        zoo.load("small", weights=path)


def test_a_coarser_entry_reads_its_part(small_entry, weights_of):
    fine, coarse = zoo.load("small"), zoo.load("small_32x")
    fine, coarse = weights_of(fine), weights_of(coarse)
    assert set(coarse) < set(fine)
    for name, value in coarse.items():
        np.testing.assert_array_equal(value, fine[name])


def test_weights_for_another_architecture(small_entry, tmp_path):
    coarse = tmp_path / "coarse.safetensors"
    zoo.write_weights(zoo.load("small_32x"), coarse)
    with pytest.raises(zoo.WeightsError, match="missing from the file"):
        zoo.load("small", weights=coarse)
    with pytest.raises(zoo.WeightsError, match="missing from the file"):
        zoo.load("small", num_classes=3, weights=coarse)


def test_damaged_weights_are_refused_before_building(small_entry, monkeypatch):
    path = fetch.weights_path(small_entry)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    monkeypatch.setattr("kerasseg.models.lrr", None)
    with pytest.raises(
        zoo.WeightsError,
        match=f"{small_entry.sha256}.*{fetch.sha256(path)}.*Install",
    ):
        zoo.load("small")


def test_parallel_loads(small_entry, monkeypatch, tmp_path, weights_of):
    packaged = fetch.weights_path(small_entry)
    remote = dataclasses.replace(small_entry, weights=packaged.as_uri())
    monkeypatch.setitem(entries.ENTRIES, "small", remote)
    monkeypatch.setenv("KERASSEG_HOME", str(tmp_path / "home"))
    expected = weights_of(zoo.load("small", weights=packaged))

    def read(index):
        path = fetch.weights_path(zoo.info("small"))
        model = models[index]
        zoo.read_weights(model, path)
        return weights_of(model)

    # Keras itself builds one model at a time.
    models = [zoo.build("small") for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        for values in pool.map(read, range(3)):
            for name, value in values.items():
                np.testing.assert_array_equal(value, expected[name])
