"""ONNX files in half precision and in int8."""

import math

import numpy as np
import pytest

from kerasseg.export import ExportError
from kerasseg.export import Gate
from kerasseg.export import read_sidecar
from kerasseg.export import run_onnx
from kerasseg.export import to_onnx
from kerasseg.export.onnx.quantize import max_poolings

SHAPE = (32, 48)
LOOSE = Gate(miou_loss=1.0, mask_agreement=0.5)


@pytest.fixture
def images(rng):
    """Images for calibration."""
    return rng.integers(0, 256, (4, *SHAPE, 3), "uint8")


def graph_of(path):
    """The graph of an ONNX file that passes the checker."""
    import onnx

    proto = onnx.load(path)
    onnx.checker.check_model(proto, full_check=True)
    assert [opset.domain for opset in proto.opset_import] == [""]
    return proto.graph


@pytest.mark.export
@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_float16_is_typed_in_the_file(model, tmp_path, images, layout):
    from onnx import TensorProto

    path = tmp_path / "half.onnx"
    report = to_onnx(
        model, path, image_shape=SHAPE, precision="float16", layout=layout
    )
    graph = graph_of(path)
    assert all(
        tensor.data_type != TensorProto.FLOAT
        for tensor in graph.initializer
        if len(tensor.dims) == 4
    )
    assert report.operators["Cast"] == 2
    assert graph.input[0].type.tensor_type.elem_type == TensorProto.FLOAT
    assert report.mask_agreement > 0.98
    assert "at least 98.00 % required" in report.gate
    expected = model(images.astype("float32"), training=False)
    np.testing.assert_allclose(run_onnx(path, images), expected, atol=1e-2)


@pytest.mark.export
@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_int8_states_its_scales(model, tmp_path, images, layout):
    from onnx import TensorProto
    from onnx import numpy_helper

    path = tmp_path / "small.onnx"
    report = to_onnx(
        model,
        path,
        image_shape=SHAPE,
        precision="int8",
        layout=layout,
        calibration=images,
        gate=LOOSE,
    )
    graph = graph_of(path)
    large = [t for t in graph.initializer if math.prod(t.dims) > 8]
    weights = [t for t in large if len(t.dims) == 4]
    assert len(weights) == 4
    assert {t.data_type for t in weights} == {TensorProto.INT8}
    readers = {n.input[0]: n for n in graph.node}
    sizes = {t.name: tuple(t.dims) for t in graph.initializer}
    for tensor in weights:
        node = readers[tensor.name]
        assert node.op_type == "DequantizeLinear"
        assert sizes[node.input[1]] == (tensor.dims[0],)
    assert any("`to_tensorrt` writes" in note for note in report.notes)
    assert any("`weight_bits=7`" in note for note in report.notes)
    integers = [numpy_helper.to_array(t).astype(int) for t in weights]
    assert max(np.abs(values).max() for values in integers) == 127
    # Batch normalization went into the convolution before it.
    assert report.operators["Conv"] == 4
    assert report.operators["QuantizeLinear"] > 4
    assert report.input_quantization is None
    assert "calibration images" in report.verified_on
    expected = np.asarray(model(images.astype("float32"), training=False))
    error = np.abs(run_onnx(path, images) - expected).max()
    assert error < 0.15 * np.ptp(expected)
    assert read_sidecar(path)["input"]["layout"] == layout


@pytest.mark.export
@pytest.mark.parametrize("precision", ["int8", "mixed"])
def test_weights_of_7_bits(model, tmp_path, images, precision):
    from onnx import TensorProto
    from onnx import numpy_helper

    path = tmp_path / "small.onnx"
    report = to_onnx(
        model,
        path,
        image_shape=SHAPE,
        precision=precision,
        calibration=images,
        gate=LOOSE,
        weight_bits=7,
    )
    weights = [
        numpy_helper.to_array(tensor).astype(int)
        for tensor in graph_of(path).initializer
        if tensor.data_type == TensorProto.INT8 and len(tensor.dims) == 4
    ]
    # Pairs of products with 0..255 then fit 16 bits.
    assert 2 * 255 * 64 < 2**15
    assert max(np.abs(values).max() for values in weights) == 64
    assert any("`to_tensorrt` writes" in note for note in report.notes)
    assert not any("weight_bits" in note for note in report.notes)
    expected = np.asarray(model(images.astype("float32"), training=False))
    error = np.abs(run_onnx(path, images) - expected).max()
    assert error < 0.15 * np.ptp(expected)


def test_max_poolings_and_their_neighbors_stay_float():
    from onnx import helper

    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], name="conv"),
        helper.make_node("Softmax", ["a"], ["s"], name="normal"),
        helper.make_node("Mul", ["s", "minus"], ["m"], name="turned"),
        helper.make_node("Transpose", ["m"], ["n"], name="moved"),
        helper.make_node("MaxPool", ["a"], ["b"], name="high"),
        helper.make_node("MaxPool", ["n"], ["c"], name="low"),
        helper.make_node("Add", ["b", "c"], ["d"], name="mask"),
        helper.make_node("Add", ["d", "a"], ["e"], name="other"),
    ]
    graph = helper.make_graph(nodes, "graph", [], [])
    assert set(max_poolings(graph)) == {
        "high",
        "low",
        "mask",
        "moved",
        "normal",
        "turned",
    }


@pytest.mark.export
def test_a_loss_over_the_limit_leaves_nothing(model, tmp_path, images):
    message = r"int8 file loses too much.*100.00.*`weight_bits=7`"
    with pytest.raises(ExportError, match=message):
        to_onnx(
            model,
            tmp_path / "small.onnx",
            image_shape=SHAPE,
            precision="int8",
            calibration=images,
            gate=Gate(mask_agreement=1.0),
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"precision": "int8"}, "`calibration` must be a dataset or images"),
        (
            {"precision": "int8", "calibration": np.zeros((1, 36, 48, 3))},
            r"`calibration` must hold arrays of.*\(36, 48\)",
        ),
        ({"weight_bits": 6}, "`weight_bits` must be an integer of 7 or more"),
        ({"weight_bits": 9}, "must be 7 or 8. Received: weight_bits=9"),
        ({"weight_bits": 7}, "Received: weight_bits=7, precision='float32'"),
        ({"layout": "CHW"}, "`layout` must be one of NHWC, NCHW"),
    ],
)
def test_arguments_that_cannot_be_honored(model, tmp_path, arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        to_onnx(model, tmp_path / "x.onnx", image_shape=SHAPE, **arguments)
    assert not list(tmp_path.iterdir())
