"""Operators that tf2onnx lacks, in files for ONNX, OpenVINO and TensorRT."""

import keras
import onnx
import pytest
from keras import layers
from keras import ops

from kerasseg.export import ExportError
from kerasseg.export import to_onnx
from kerasseg.export import to_openvino
from kerasseg.export import to_tensorrt

pytestmark = [
    pytest.mark.export,
    pytest.mark.skipif(
        keras.backend.backend() != "tensorflow", reason="tf2onnx converts"
    ),
]
ACTIVATIONS = (
    *("celu", "elu", "gelu", "hard_sigmoid", "hard_tanh", "leaky_relu"),
    *("log_sigmoid", "mish", "selu", "silu", "softplus", "squareplus"),
)


def net(between, size=(36, 48)):
    """A segmenter with a layer between two convolutions."""
    images = keras.Input((*size, 3))
    x = layers.Rescaling(1 / 255)(images)
    x = layers.Conv2D(8, 3, padding="same", name="stem")(x)
    return keras.Model(images, layers.Conv2D(3, 1)(between(x)))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_exported(tmp_path, name):
    report = to_onnx(net(layers.Activation(name)), tmp_path / "x.onnx")
    assert report.mask_agreement == 1


@pytest.mark.parametrize("name", ["gelu", "celu"])
def test_every_format_that_starts_from_onnx_has_them(tmp_path, name):
    model = net(layers.Activation(name))
    to_openvino(model, tmp_path / "x.xml")
    to_tensorrt(model, tmp_path / "x.engine")


def test_a_logarithm_near_one_is_exported(tmp_path):
    model = net(lambda x: ops.log1p(ops.relu(x)))
    report = to_onnx(model, tmp_path / "x.onnx")
    assert report.mask_agreement == 1
    assert report.operators["Log"] == 1


@pytest.mark.parametrize("kind", ["lanczos3", "lanczos5"])
def test_resizes_by_lanczos_kernels_are_two_products(tmp_path, kind):
    resizes = keras.Sequential(
        [
            layers.Resizing(51, 97, interpolation=kind),
            layers.Resizing(36, 48, interpolation=kind),
        ]
    )
    report = to_onnx(net(resizes), tmp_path / "x.onnx")
    assert report.mask_agreement > 0.999
    assert report.operators["MatMul"] == 4


def test_bins_of_numbers_are_counted(tmp_path):
    bins = layers.Discretization([-0.3, 0.0, 0.2], output_mode="int")
    model = net(lambda x: keras.ops.cast(bins(x), "float32"))
    report = to_onnx(model, tmp_path / "x.onnx")
    assert report.mask_agreement > 0.999
    assert report.operators["GreaterOrEqual"] == 1


@pytest.mark.parametrize("size", [(20, 25), (50, 61)])
def test_nearest_neighbors_at_any_size(tmp_path, size):
    resize = keras.Sequential(
        [
            layers.Resizing(*size, interpolation="nearest"),
            layers.Resizing(36, 48, interpolation="nearest"),
        ]
    )
    report = to_tensorrt(net(resize), tmp_path / "x.engine")
    assert report.mask_agreement == 1


def test_what_cannot_be_said_names_the_other_exporter(tmp_path):
    model = net(lambda x: ops.real(ops.fft2((x, 0 * x))[0]) + 0 * x)
    with pytest.raises(ExportError) as caught:
        to_onnx(model, tmp_path / "x.onnx")
    assert "StatefulPartitionedCall" not in str(caught.value)


def test_a_node_that_is_known_stays():
    from kerasseg.export.onnx.missing import spell_out

    node = onnx.helper.make_node("Relu", ["x"], ["y"])
    graph = onnx.helper.make_graph([node], "test", [], [])
    spell_out(graph)
    assert list(graph.node) == [node]
