import keras
import numpy as np
import pytest
from keras import ops
from stand_ins import randomize

from kerasseg.export import run_openvino
from kerasseg.export import to_openvino
from kerasseg.export.openvino.shuffles import split_shuffles
from kerasseg.layers import PixelDCL

onnx = pytest.importorskip("onnx")
pytest.importorskip("openvino")
pytestmark = pytest.mark.export

SHAPE = (32, 48)


def graph_of(mode, size, shape):
    from onnx import helper

    batch, channels, height, width = shape
    to = (batch, channels // size**2, size * height, size * width)
    ends = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, form)
        for name, form in (("x", shape), ("y", to))
    ]
    node = helper.make_node(
        "DepthToSpace", ["x"], ["y"], blocksize=size, **mode
    )
    graph = helper.make_graph([node], "g", ends[:1], ends[1:])
    opset = [helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8)


def run(proto, values):
    from onnx.reference import ReferenceEvaluator

    (result,) = ReferenceEvaluator(proto).run(None, {"x": values})
    return result


@pytest.mark.parametrize("mode", [{}, {"mode": "DCR"}, {"mode": "CRD"}])
@pytest.mark.parametrize("size", [2, 3])
def test_a_split_shuffle_moves_each_value_to_its_place(rng, mode, size):
    shape = (1, 5 * size**2, 3, 7)
    values = rng.normal(size=shape).astype("float32")
    proto = graph_of(mode, size, shape)
    expected = run(proto, values)
    split_shuffles(proto)
    onnx.checker.check_model(proto, full_check=True)
    kinds = {node.op_type for node in proto.graph.node}
    assert ("DepthToSpace" in kinds) == (mode == {"mode": "CRD"})
    np.testing.assert_array_equal(run(proto, values), expected)


def deconvolution(x):
    return PixelDCL(8, sequential=True)(x)


def pooled(x):
    parts = [keras.layers.Conv2D(8, size, padding="same")(x) for size in (1, 3)]
    x = keras.layers.MaxPooling2D(2, 1, "same")(ops.concatenate(parts, -1))
    return ops.depth_to_space(x, 2, data_format="channels_last")


@pytest.mark.parametrize("precision", ["int8", "mixed"])
@pytest.mark.parametrize("shuffle", [deconvolution, pooled])
def test_pixels_of_quantized_channels_are_those_of_keras(
    rng, tmp_path, shuffle, precision
):
    inputs = x = keras.Input((*SHAPE, 3))
    x = keras.layers.Rescaling(1 / 127.5, -1)(x)
    x = keras.layers.Conv2D(16, 3, 2, "same", activation="relu")(x)
    outputs = keras.layers.Conv2D(3, 3, padding="same")(shuffle(x))
    model = keras.Model(inputs, outputs)
    randomize(model, rng)
    images = rng.integers(0, 256, (4, *SHAPE, 3), "uint8")
    path = tmp_path / "x.xml"
    to_openvino(model, path, precision=precision, calibration=images)
    logits = ops.convert_to_numpy(model(images.astype("float32")))
    error = np.abs(run_openvino(path, images) - logits).max()
    assert error < 0.1 * np.ptp(logits)
