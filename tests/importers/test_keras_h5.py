import h5py
import keras
import numpy as np
import pytest

from kerasseg.importers import read_network
from kerasseg.zoo import WeightsError

# As Keras 1, early Keras 2 and late Keras 2 called them.
STYLES = {
    "1": ("conv_W_1:0", "conv_b_1:0", "bn_running_std:0"),
    "2": ("conv/kernel:0", "conv/bias:0", "bn/moving_variance:0"),
    "2 twice": ("conv_3/kernel:0", "conv_3/bias:0", "bn_1/moving_variance:0"),
}


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("style", STYLES)
def test_names_of_all_versions(tmp_path, make, array, style, whole, fixed):
    kernel, bias, variance = STYLES[style]
    arrays = [array(3, 5, 2, 4), array(4), array(4) ** 2]
    stem = variance.replace("moving_variance", "{}").replace(
        "running_std", "{}"
    )
    means = "running_mean" if style == "1" else "moving_mean"
    layers = {
        "input_1": {},
        "conv": {kernel: arrays[0], bias: arrays[1]},
        "bn": {
            stem.format("gamma"): arrays[1],
            stem.format("beta"): arrays[1] + 1,
            stem.format(means): arrays[1] + 2,
            variance: arrays[2],
        },
    }
    path = make.keras_h5(tmp_path / "a.h5", layers, whole, fixed)
    source = read_network(path)
    assert (source.format, source.channels) == ("Keras", "BGR")
    layers = source.named()
    conv, bn = layers["conv"], layers["bn"]
    assert (conv.kind, bn.kind) == ("Conv2D", "BatchNormalization")
    np.testing.assert_array_equal(conv.tensors["kernel"].array(), arrays[0])
    np.testing.assert_array_equal(conv.tensors["bias"].array(), arrays[1])
    for part, expected in (
        ("gamma", arrays[1]),
        ("beta", arrays[1] + 1),
        ("moving_mean", arrays[1] + 2),
        ("moving_variance", arrays[2]),
    ):
        np.testing.assert_array_equal(bn.tensors[part].array(), expected)


def test_what_keras_itself_writes_in_that_form(tmp_path):
    model = keras.Sequential(
        [
            keras.layers.Input((8, 6, 3)),
            keras.layers.Conv2D(4, (3, 5), name="conv"),
            keras.layers.BatchNormalization(name="bn"),
            keras.layers.Dense(2, name="dense"),
        ]
    )
    from keras.src.legacy.saving import legacy_h5_format

    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)
    layers = read_network(path).named()
    assert set(layers) == {"conv", "bn", "dense"}
    for name, layer in layers.items():
        expected = {w.name: w for w in model.get_layer(name).weights}
        assert set(layer.tensors) == set(expected)
        for part, variable in expected.items():
            found = layer.tensors[part].array()
            np.testing.assert_array_equal(found, np.asarray(variable))


def test_weights_of_an_unknown_name_are_kept(tmp_path, make, array):
    path = make.keras_h5(tmp_path / "a.h5", {"a": {"a/alpha:0": array(3)}})
    (layer,) = read_network(path).layers
    assert (layer.kind, list(layer.tensors)) == ("unknown", ["a/alpha:0"])


@pytest.mark.parametrize(
    ("layers", "reason"),
    [
        ({"a": {"a/kernel:0": np.eye(2), "b/W:0": np.eye(2)}}, "two weights"),
        ({}, "no list of layers"),
    ],
)
def test_other_files(tmp_path, make, layers, reason):
    path = make.keras_h5(tmp_path / "a.h5", layers)
    if not layers:
        with h5py.File(path, "r+") as file:
            del file.attrs["layer_names"]
            file["vars/0"] = np.eye(2)
    with pytest.raises(WeightsError, match=reason) as raised:
        read_network(path)
    # One reason, not that of the reason.
    assert str(raised.value).count("Received") == 1


def test_a_link_to_another_file(tmp_path, make, array):
    path = make.keras_h5(tmp_path / "a.h5", {"a": {"a/kernel:0": array(2, 2)}})
    with h5py.File(path, "r+") as file:
        del file["a/a/kernel:0"]
        file["a/a/kernel:0"] = h5py.ExternalLink("/etc/passwd", "/x")
    with pytest.raises(WeightsError, match="link to elsewhere"):
        read_network(path)


def test_a_list_of_layers_beyond_reason(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w", libver="latest") as file:
        file.attrs["layer_names"] = np.zeros(100_000, "S20")
    with pytest.raises(WeightsError, match="layer_names declares 2000000"):
        read_network(path)


def test_texts_of_variable_length(tmp_path):
    # Damaged ones keep HDF5 busy for ever.
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        texts = h5py.string_dtype()
        file.attrs["layer_names"] = np.array([b"a"])
        file["a/kernel:0"] = np.array([["x"]], dtype=texts)
        file["a"].attrs["weight_names"] = np.array([b"kernel:0"])
    with pytest.raises(WeightsError, match="items of variable length"):
        read_network(path)
    with h5py.File(path, "r+") as file:
        file["a"].attrs.create("weight_names", ["kernel:0"], dtype=texts)
    with pytest.raises(WeightsError, match="names is of variable length"):
        read_network(path)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("backend", ["theano", "tensorflow"])
def test_kernels_that_theano_turned(tmp_path, make, array, backend, whole):
    path = make.keras_h5(
        tmp_path / "a.h5", {"a": {"a/kernel:0": array(3, 3, 2, 4)}}, whole
    )
    with h5py.File(path, "r+") as file:
        root = file["model_weights"] if whole else file
        # Of variable length, as Keras wrote it.
        root.attrs["backend"] = backend.encode()
    if backend == "tensorflow":
        assert set(read_network(path).named()) == {"a"}
        return
    with pytest.raises(WeightsError, match="kernels as TensorFlow.*Theano"):
        read_network(path)


def test_kernels_of_theano_in_keras_1(tmp_path, make, array):
    name = "vgg16_weights_tf_dim_ordering_th_kernels.h5"
    path = make.keras_h5(tmp_path / name, {"a": {"a_W:0": array(3, 3, 2, 4)}})
    with pytest.raises(WeightsError, match="kernels as TensorFlow.*Theano"):
        read_network(path)
