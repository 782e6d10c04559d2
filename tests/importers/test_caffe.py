import numpy as np
import pytest

from kerasseg.importers import read_network
from kerasseg.zoo import WeightsError

FORMS = [
    {},
    {"packed": False},
    {"double": True},
    {"legacy": True},
    {"v1": True, "legacy": True},
]


@pytest.mark.parametrize("form", FORMS)
def test_an_asymmetric_kernel_keeps_its_numbers(tmp_path, make, form):
    kernel = np.arange(2 * 3 * 4 * 5, dtype="float32").reshape(2, 3, 4, 5)
    path = make.caffemodel(
        tmp_path / "a.caffemodel",
        make.caffe_layer(
            "conv",
            "Convolution",
            [kernel, np.arange(2.0)],
            bottom=["data"],
            top=["conv"],
            settings=[(3, 2), (6, 2), (6, 3)],
            **form,
        ),
    )
    source = read_network(path)
    assert (source.format, source.channels) == ("Caffe", "BGR")
    (layer,) = source.layers
    assert (layer.name, layer.kind) == ("conv", "Conv2D")
    assert (layer.inputs, layer.outputs) == (("data",), ("conv",))
    assert layer.settings["padding"] == (2, 2, 2, 2)
    assert layer.settings["strides"] == (2, 3)
    found = layer.tensors["kernel"].array()
    for out, channel, row, col in np.ndindex(kernel.shape):
        expected = kernel[out, channel, row, col]
        assert found[row, col, channel, out] == expected
    np.testing.assert_array_equal(layer.tensors["bias"].array(), [0, 1])


def test_a_transposed_convolution(tmp_path, make, array):
    kernel = array(4, 2, 3, 5)
    layer = make.caffe_layer(
        "up", "Deconvolution", [kernel], settings=[(5, 2), (13, 3), (14, 2)]
    )
    (layer,) = read_network(make.caffemodel(tmp_path / "a", layer)).layers
    assert layer.kind == "Conv2DTranspose"
    assert layer.settings["groups"] == 2
    assert layer.settings["strides"] == (3, 2)
    # (in, out, height, width) to (height, width, out, in).
    found = layer.tensors["kernel"].array()
    np.testing.assert_array_equal(found, kernel.transpose(2, 3, 1, 0))
    assert list(layer.tensors) == ["kernel"]


@pytest.mark.parametrize("transpose", [False, True])
def test_a_dense_layer(tmp_path, make, array, transpose):
    kernel = array(3, 5)
    layer = make.caffe_layer(
        "ip",
        "InnerProduct",
        [kernel, array(3)],
        legacy=True,
        settings=[(6, int(transpose))],
    )
    (layer,) = read_network(make.caffemodel(tmp_path / "a", layer)).layers
    found = layer.tensors["kernel"].array()
    np.testing.assert_array_equal(found, kernel if transpose else kernel.T)


def test_batch_normalization_and_its_scale(tmp_path, make, array):
    mean, variance, gamma = array(4), array(4) ** 2, array(4)
    path = make.caffemodel(
        tmp_path / "a",
        make.caffe_layer("bn", "BatchNorm", [mean, variance, np.array([4.0])]),
        make.caffe_layer("scale", "Scale", [gamma, 2 * gamma]),
        make.caffe_layer("act", "PReLU", [gamma]),
        make.caffe_layer("relu", "ReLU"),
    )
    bn, scale, act, relu = read_network(path).layers
    found = bn.tensors["moving_mean"].array()
    np.testing.assert_allclose(found, mean / 4)
    found = bn.tensors["moving_variance"].array()
    np.testing.assert_allclose(found, variance / 4)
    assert bn.settings == {"epsilon": 1e-5}
    np.testing.assert_array_equal(scale.tensors["beta"].array(), 2 * gamma)
    np.testing.assert_array_equal(act.tensors["alpha"].array(), gamma)
    assert not relu.tensors


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ([np.zeros((2, 3))], "not what a layer of type Convolution has"),
        ([np.zeros((2, 3, 4, 5, 6))], "of type Convolution"),
    ],
)
def test_blobs_that_no_such_layer_has(tmp_path, make, arrays, reason):
    layer = make.caffe_layer("conv", "Convolution", arrays)
    path = make.caffemodel(tmp_path / "a", layer)
    with pytest.raises(WeightsError, match=reason):
        read_network(path)


def test_a_shape_that_is_not_there(tmp_path, make):
    # 2^40 numbers declared, one given: refused, and nothing is allocated.
    wrong = make.field(7, make.field(1, make.varint(2**40)))
    wrong = make.field(7, wrong + make.field(5, b"\0\0\0\0"))
    layer = make.field(1, "conv") + make.field(2, "Convolution") + wrong
    path = make.caffemodel(tmp_path / "a", make.field(100, layer))
    with pytest.raises(WeightsError, match=r"\(1099511627776,\) and holds 1 "):
        read_network(path)


def test_a_layer_older_than_v1(tmp_path, make):
    path = make.caffemodel(
        tmp_path / "a", make.field(2, make.field(1, make.field(1, "conv")))
    )
    with pytest.raises(WeightsError, match="older than V1"):
        read_network(path)


def test_a_network_without_layers(tmp_path, make):
    with pytest.raises(WeightsError, match="no layers"):
        read_network(make.caffemodel(tmp_path / "a"))


def test_numbers_that_are_not_finite(tmp_path, make):
    kernel = np.full((1, 1, 1, 1), np.nan)
    layer = make.caffe_layer("conv", "Convolution", [kernel])
    source = read_network(make.caffemodel(tmp_path / "a", layer))
    tensor = source.named()["conv"].tensors["kernel"]
    with pytest.raises(WeightsError, match=r"conv \(blob 0\) must hold finite"):
        tensor.array()
