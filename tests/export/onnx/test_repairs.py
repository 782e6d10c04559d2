"""What tf2onnx writes and no runtime takes, put right in the graph."""

import keras
import numpy as np
import onnx
import pytest
from keras import layers
from onnx import TensorProto
from onnx import helper
from onnx import numpy_helper

from kerasseg.export import to_litert
from kerasseg.export import to_onnx
from kerasseg.export import to_openvino
from kerasseg.export.onnx.branches import inline_decided
from kerasseg.export.onnx.graph import add_negatives
from kerasseg.export.onnx.graph import folded
from kerasseg.export.onnx.graph import name_sizes

ON_TENSORFLOW = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="tf2onnx converts"
)
pytestmark = pytest.mark.export


def net(middle, size=(36, 52)):
    images = keras.Input(batch_shape=(1, *size, 3))
    x = layers.Rescaling(1 / 255)(images)
    x = layers.Conv2D(6, 4, strides=4, bias_initializer="random_normal")(x)
    x = layers.Resizing(*size)(middle(x))
    return keras.Model(images, layers.Conv2D(3, 1)(x))


def excited(x):
    """Adds a vector of channels, as squeeze and excitation does."""
    vector = layers.GlobalAveragePooling2D(keepdims=True)(x)
    return layers.Add()([x, layers.Dense(6)(vector)])


def excited_twice(x):
    x = layers.Conv2DTranspose(6, 3, padding="same")(x)
    first = layers.GlobalMaxPooling2D(keepdims=True)(x)
    return layers.Add()([layers.Add()([x, first]), first])


@ON_TENSORFLOW
@pytest.mark.parametrize("middle", [excited, excited_twice])
def test_a_vector_is_added_after_a_convolution(tmp_path, middle):
    report = to_onnx(net(middle), tmp_path / "x.onnx")
    assert report.mask_agreement == 1


@ON_TENSORFLOW
@pytest.mark.parametrize("stride", [2, 3])
def test_resizes_by_fractions_return_the_size_that_was_meant(tmp_path, stride):
    middle = layers.MaxPooling2D(3, stride, padding="same")
    model = net(lambda x: layers.Resizing(9, 13)(middle(x)))
    report = to_onnx(model, tmp_path / "x.onnx")
    assert report.mask_agreement == 1


@ON_TENSORFLOW
def test_layers_that_ask_for_a_size_leave_no_branch(tmp_path):
    model = net(layers.Resizing(16, 16, pad_to_aspect_ratio=True))
    report = to_onnx(model, tmp_path / "x.onnx")
    assert "If" not in report.operators
    to_openvino(model, tmp_path / "x.xml")


def recurrent(x):
    x = layers.Reshape((9 * 13, 6))(x)
    x = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(x)
    return layers.Reshape((9, 13, 8))(x)


@pytest.mark.by_day(1)
@ON_TENSORFLOW
@pytest.mark.parametrize(
    ("function", "name"), [(to_openvino, "x.xml"), (to_litert, "x.tflite")]
)
def test_loops_are_exported(tmp_path, function, name):
    report = function(net(recurrent), tmp_path / name)
    assert report.mask_agreement == 1


def resize(size, scale):
    """A graph that resizes `size` values by `scale`."""
    factors = np.float32([1, 1, scale, 1])
    real = TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("Resize", ["x", "", "scales"], ["y"], name="y")],
        "test",
        [helper.make_tensor_value_info("x", real, [1, 1, size, 2])],
        [helper.make_tensor_value_info("y", real, None)],
        [numpy_helper.from_array(factors, "scales")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])


@pytest.mark.parametrize("size", [5, 7, 11, 23])
@pytest.mark.parametrize("target", [9, 13, 31])
def test_inferred_sizes_are_those_that_were_meant(size, target):
    proto = resize(size, target / size)
    name_sizes(proto)
    inferred = onnx.shape_inference.infer_shapes(proto).graph.output[0]
    rows = inferred.type.tensor_type.shape.dim[2].dim_value
    assert rows == target


def test_whole_factors_stay_factors():
    proto = resize(7, 4.0)
    name_sizes(proto)
    assert list(proto.graph.node[0].input) == ["x", "", "scales"]


def values(name):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2, 3, 3])


def normalized(rng):
    """A convolution and its normalization as PyTorch's exporter writes them."""
    constants = {"kernel": rng.normal(size=(2, 2, 1, 1))}
    for name in ("mean", "scale", "shift"):
        constants[name] = rng.uniform(0.5, 2, (1, 2, 1, 1))
    nodes = [
        helper.make_node("Conv", ["x", "kernel"], ["a"], name="one"),
        helper.make_node("Sub", ["a", "mean"], ["b"], name="two"),
        helper.make_node("Mul", ["b", "scale"], ["c"], name="three"),
        helper.make_node("Add", ["c", "shift"], ["y"], name="four"),
    ]
    graph = helper.make_graph(
        nodes,
        "test",
        [values("x")],
        [values("y")],
        [
            numpy_helper.from_array(array.astype("float32"), name)
            for name, array in constants.items()
        ],
        value_info=[values(name) for name in ("a", "b", "c")],
    )
    opset = helper.make_opsetid("", 18)
    return helper.make_model(graph, opset_imports=[opset], ir_version=9)


def computed(proto, x):
    import onnxruntime

    session = onnxruntime.InferenceSession(proto.SerializeToString())
    return session.run(None, {"x": x})[0]


def test_differences_are_merged_into_the_convolution(tmp_path, rng):
    proto = normalized(rng)
    x = rng.normal(size=(1, 2, 3, 3)).astype("float32")
    expected = computed(proto, x)
    add_negatives(proto.graph)
    assert "mean" not in {tensor.name for tensor in proto.graph.initializer}
    merged = folded(proto, tmp_path / "x.onnx")
    assert [node.op_type for node in merged.graph.node] == ["Conv"]
    np.testing.assert_allclose(computed(merged, x), expected, atol=1e-5)


def test_merged_tensors_are_forgotten(tmp_path, rng):
    proto = normalized(rng)
    add_negatives(proto.graph)
    merged = folded(proto, tmp_path / "x.onnx").graph
    made = {name for node in merged.node for name in node.output}
    assert {value.name for value in merged.value_info} <= made


def branch(factor, name):
    """A graph that multiplies `x` of the outer graph."""
    value = numpy_helper.from_array(np.float32([factor]), "factor")
    return helper.make_graph(
        [helper.make_node("Mul", ["x", "factor"], ["product"], name="m")],
        name,
        [],
        [helper.make_tensor_value_info("product", TensorProto.FLOAT, [3])],
        [value],
    )


@pytest.mark.parametrize("taken", [True, False])
def test_a_decided_branch_is_part_of_the_graph(rng, taken):
    import onnxruntime

    choices = {"then_branch": branch(2, "a"), "else_branch": branch(5, "b")}
    nodes = [
        helper.make_node("If", ["c"], ["first"], name="one", **choices),
        helper.make_node("If", ["c"], ["second"], name="two", **choices),
        helper.make_node("Add", ["first", "second"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [3])],
        [numpy_helper.from_array(np.array(taken), "c")],
    )
    inline_decided(graph)
    assert {node.op_type for node in graph.node} == {"Mul", "Identity", "Add"}
    opset = helper.make_opsetid("", 18)
    proto = helper.make_model(graph, opset_imports=[opset], ir_version=9)
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    x = rng.normal(size=3).astype("float32")
    factor = 4 if taken else 10
    np.testing.assert_allclose(session.run(None, {"x": x})[0], factor * x, 1e-6)
