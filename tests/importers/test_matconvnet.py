import struct

import h5py
import numpy as np
import pytest

from kerasseg.importers import read_network
from kerasseg.importers.mat5 import read_mat5
from kerasseg.zoo import WeightsError


@pytest.fixture(params=["5", "compressed", "7.3"])
def write(request, tmp_path, make):
    """A function that writes a MATLAB file, of each version."""

    def write(content):
        path = tmp_path / "net.mat"
        if request.param == "7.3":
            return make.mat73(path, content)
        return make.mat5(path, content, request.param == "compressed")

    return write


def same(tensor, expected):
    np.testing.assert_array_equal(tensor.array(), expected)


def test_simplenn(write, make, array):
    kernel, bias, up = array(3, 5, 4, 2), array(2), array(4, 4, 1, 2)
    layers = [
        {
            "name": "conv1",
            "type": "conv",
            "weights": make.cell([make.column(kernel), make.column(bias)]),
            "pad": np.array([[1.0, 2, 3, 4]]),
            "stride": np.array([[2.0]]),
        },
        {"name": "relu1", "type": "relu"},
        {
            "name": "up",
            "type": "convt",
            "weights": make.cell([make.column(up), np.zeros((0, 0))]),
            "upsample": np.array([[2.0]]),
            "crop": np.array([[1.0]]),
            "numGroups": np.array([[2.0]]),
        },
    ]
    mean = np.array([10.0, 20, 30]).reshape(1, 1, 3)
    content = {
        "layers": make.cell(layers),
        "meta": {"normalization": {"averageImage": mean}},
    }
    source = read_network(write(content))
    assert (source.format, source.channels) == ("MatConvNet", "RGB")
    assert source.mean == (10, 20, 30)
    conv, relu, last = source.layers
    assert (conv.name, conv.kind, relu.kind) == ("conv1", "Conv2D", "relu")
    same(conv.tensors["kernel"], kernel)
    same(conv.tensors["bias"], bias)
    assert conv.settings["padding"] == (1, 2, 3, 4)
    assert conv.settings["strides"] == (2, 2)
    assert not relu.tensors
    assert last.kind == "Conv2DTranspose"
    assert list(last.tensors) == ["kernel"]
    same(last.tensors["kernel"], up)
    assert last.settings["groups"] == 2


def test_old_names_of_weights(write, make, array):
    kernel, bias = array(3, 3, 2, 1), array(1)
    layer = {
        "type": "conv",
        "filters": make.column(kernel),
        "biases": make.column(bias),
    }
    image = array(4, 6, 3)
    content = {
        "layers": make.cell([layer, layer]),
        "normalization": {"averageImage": image},
    }
    source = read_network(write(content))
    first, second = source.layers
    assert (first.name, second.name) == ("layer1", "layer2")
    # MATLAB has dropped the last axis.
    same(first.tensors["kernel"], kernel)
    np.testing.assert_allclose(source.mean, image.mean((0, 1)), rtol=1e-6)


@pytest.mark.parametrize("top", ["net", None])
def test_dagnn(write, make, array, top):
    kernel, bias, gamma = array(1, 1, 5, 3), array(3), array(3)
    moments = array(3, 2) ** 2
    content = make.dag(
        [
            (
                "conv_layer",
                "Conv",
                {"pad": [1, 1, 0, 0]},
                {"conv1_1f": kernel, "conv1_1b": bias},
            ),
            (
                "bn",
                "BatchNorm",
                {"epsilon": [1e-4]},
                {"bn_g": gamma, "bn_b": bias, "bn_m": moments},
            ),
            ("relu", "ReLU", {"leak": [0.1]}, {}),
        ]
    )
    source = read_network(write({top: content} if top else content))
    conv, bn, relu = source.layers
    # That of the weights, by which published networks are known.
    assert (conv.name, conv.tensors["bias"].label) == ("conv1_1", "conv1_1b")
    assert (conv.inputs, conv.outputs) == (("x",), ("conv_layer",))
    same(conv.tensors["kernel"], kernel)
    assert conv.settings["padding"] == (1, 1, 0, 0)
    same(bn.tensors["gamma"], gamma)
    same(bn.tensors["moving_mean"], moments[:, 0])
    # Deviations, of which the epsilon is a part.
    np.testing.assert_allclose(
        bn.tensors["moving_variance"].array(), moments[:, 1] ** 2, rtol=1e-6
    )
    assert bn.settings["epsilon"] == 0
    assert relu.settings["leak"] == pytest.approx(0.1)


def test_a_parameter_that_is_not_there(write, make, array):
    content = make.dag([("conv", "Conv", {}, {"conv_f": array(1, 1, 2, 3)})])
    content["params"]["name"][0, 0] = "other"
    with pytest.raises(WeightsError, match="no parameters 'conv_f'"):
        read_network(write(content))


@pytest.mark.parametrize(
    "content",
    [
        {"x": np.arange(6.0).reshape(2, 3)},
        {"net": "a text"},
        {"net": {"params": "none"}},
        {"layers": np.arange(3.0)[:, None]},
        {"net": {"layers": "none", "params": "none"}},
    ],
)
def test_a_file_that_is_no_network(write, content):
    with pytest.raises(WeightsError, match=r"network of MatConvNet \(.mat\)"):
        read_network(write(content))


def test_the_variables_of_another_file_are_named(write):
    with pytest.raises(WeightsError, match="the variables 'images', 'labels'"):
        read_network(write({"images": np.eye(3), "labels": np.eye(2)}))


# === Sizes ===


def test_a_small_file_that_inflates_to_much(tmp_path, make):
    path = make.mat5(tmp_path / "a.mat", {"net": np.zeros((1 << 24, 1))}, True)
    assert path.stat().st_size < 200_000
    with pytest.raises(WeightsError, match="inflates beyond reason"):
        read_network(path)


def test_an_element_beyond_the_end(tmp_path, make):
    path = make.mat5(tmp_path / "a.mat", {"net": np.zeros((50, 40))})
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="ends 100 bytes late"):
        read_network(path)


def test_numbers_that_are_not_in_an_hdf5_file(tmp_path, make):
    path = make.mat73(tmp_path / "a.mat", {"layers": np.eye(3)})
    with h5py.File(path, "r+") as file:
        del file["layers"]
        # Eight GiB that were never written.
        file.create_dataset("layers", (1 << 31,), "float32")
    with pytest.raises(WeightsError, match="8589934592 bytes, 0 are there"):
        read_network(path)


@pytest.mark.parametrize("kind", ["soft", "external", "raw", "virtual"])
def test_links_out_of_an_hdf5_file(tmp_path, make, kind):
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(800))
    path = make.mat73(tmp_path / "a.mat", {"x": np.eye(3)})
    with h5py.File(path, "r+") as file:
        if kind == "soft":
            file["layers"] = h5py.SoftLink("/x")
        elif kind == "external":
            file["layers"] = h5py.ExternalLink(str(secret), "/x")
        elif kind == "raw":
            outside = [(str(secret), 0, 800)]
            file.create_dataset("layers", (100,), "float64", external=outside)
        else:
            layout = h5py.VirtualLayout((3,), "float64")
            layout[:] = h5py.VirtualSource(str(secret), "x", (3,))
            file.create_virtual_dataset("layers", layout)
    with pytest.raises(WeightsError, match="elsewhere|in another file"):
        read_network(path)


def test_references_in_a_circle(tmp_path, make, array):
    path = make.mat73(tmp_path / "a.mat", {"layers": make.cell([array(2, 2)])})
    with h5py.File(path, "r+") as file:
        file["layers"][...] = np.array([file["layers"].ref], h5py.ref_dtype)
    with pytest.raises(WeightsError, match="contains itself"):
        read_network(path)


def test_many_references_to_one_are_one(tmp_path, make):
    """Twenty levels of forty references each: 40 ** 20 cells, if copied."""
    path = make.mat73(tmp_path / "a.mat", {"layers": np.eye(2)})
    with h5py.File(path, "r+") as file:
        target = file["layers"].ref
        for level in range(12):
            name = f"#refs#/level{level}"
            file[name] = np.full((40, 1), target, h5py.ref_dtype)
            file[name].attrs["MATLAB_class"] = np.bytes_("cell")
            target = file[name].ref
        del file["layers"]
        file["layers"] = file["#refs#/level11"]
    with pytest.raises(WeightsError, match="MatConvNet"):
        read_network(path)


# === Version 5 by hand ===


def element(order, kind, data):
    head = struct.pack(f"{order}II", kind, len(data))
    return head + data + bytes(-len(data) % 8)


def by_hand(path, order, shape, numbers, kind=7, flags=7):
    """A file with one array, in either order of bytes."""
    mark = b"IM" if order == "<" else b"MI"
    sizes = struct.pack(f"{order}{len(shape)}i", *shape)
    content = (
        element(order, 6, struct.pack(f"{order}II", flags, 0))
        + element(order, 5, sizes)
        # A short element: type, size and letters in eight bytes.
        + struct.pack(f"{order}I", 1 | 1 << 16)
        + b"x\0\0\0"
        + element(order, kind, numbers)
    )
    header = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01" + mark
    path.write_bytes(header + element(order, 14, content))
    return path


@pytest.mark.parametrize("order", ["<", ">"])
def test_both_orders_of_bytes(tmp_path, order):
    array = np.arange(6, dtype=f"{order}f4").reshape(2, 3)
    data = array.tobytes("F")
    found = read_mat5(by_hand(tmp_path / "a", order, (2, 3), data))
    same(found["x"], array)


def test_integers_of_a_smaller_type(tmp_path):
    # MATLAB keeps a double in a byte where it fits.
    path = by_hand(tmp_path / "a", "<", (1, 3), b"\1\2\3", kind=2, flags=6)
    same(read_mat5(path)["x"], [[1, 2, 3]])


@pytest.mark.parametrize(
    ("shape", "kind", "reason"),
    [
        ((2, 4), 7, r"shape \(2, 4\) holds 6 numbers"),
        ((2, -3), 7, r"x of the shape \(2, -3\)"),
        ((6,), 7, r"x of the shape \(6,\)"),
        ((1 << 30, 1 << 30), 7, "holds 6 numbers"),
        ((2, 3), 99, "data of the type 99"),
    ],
)
def test_arrays_that_do_not_add_up(tmp_path, shape, kind, reason):
    path = by_hand(tmp_path / "a", "<", shape, bytes(24), kind)
    with pytest.raises(WeightsError, match=reason):
        read_mat5(path)


def test_more_cells_than_there_are(tmp_path):
    path = by_hand(tmp_path / "a", "<", (1 << 30, 9), bytes(24), flags=1)
    with pytest.raises(WeightsError, match="declares 9663676416 parts"):
        read_mat5(path)


def test_what_is_no_number_is_nothing(tmp_path):
    for flags in (5, 16, 17, 0x0806):
        path = by_hand(tmp_path / "a", "<", (2, 3), bytes(24), flags=flags)
        assert read_mat5(path) == {"x": None}


def test_cells_in_cells(tmp_path, make):
    deep = np.eye(2)
    for _ in range(20):
        deep = make.cell([deep])
    path = make.mat5(tmp_path / "a", {"layers": deep})
    with pytest.raises(WeightsError, match="nested too deeply"):
        read_network(path)
