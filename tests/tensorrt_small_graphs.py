"""Small ONNX graphs that our table and NVIDIA's builder must judge alike."""

import numpy as np
from onnx import TensorProto
from onnx import helper
from onnx import numpy_helper

REAL, HALF = TensorProto.FLOAT, TensorProto.FLOAT16
SHAPE = (1, 3, 8, 8)
ROW = np.ones(3, "float32")
KERNEL = np.full((3, 3, 3, 3), 0.1, "float32")
AXES = np.int64([1])
SCALES = np.float32([1, 1, 2, 2])
SIZES = np.int64([1, 3, 13, 11])


def graph_of(*nodes, kind=REAL, constants=(), opset=18, result=None):
    """A graph from `x` `(1, 3, 8, 8)` to `y`."""
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", kind, SHAPE)],
        [helper.make_tensor_value_info("y", result or kind, None)],
        [
            numpy_helper.from_array(np.asarray(value), name)
            for name, value in dict(constants).items()
        ],
    )
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def node(name, *inputs, **attributes):
    return helper.make_node(name, ["x", *inputs], ["y"], name="n", **attributes)


def one(name, *constants, kind=REAL, result=None, opset=18, **attributes):
    """A graph of one operator of `x` and constants."""
    values = {f"c{i}": c for i, c in enumerate(constants) if c is not None}
    names = [f"c{i}" if c is not None else "" for i, c in enumerate(constants)]
    return graph_of(
        node(name, *names, **attributes),
        kind=kind,
        result=result,
        opset=opset,
        constants=values,
    )


def masked(name, *others, **attributes):
    """An operator of a comparison of `x`, and back to numbers."""
    above = helper.make_node("Greater", ["x", "zero"], ["b"], name="above")
    last = helper.make_node(name, ["b", *others], ["m"], name="n", **attributes)
    back = helper.make_node("Cast", ["m"], ["y"], name="back", to=REAL)
    return graph_of(above, last, back, constants={"zero": np.float32(0)})


_UNARY = (
    "Abs Acos Acosh Asin Asinh Atan Atanh Ceil Celu Clip Cos Cosh Elu Erf "
    "Exp Floor Gelu GlobalAveragePool GlobalMaxPool HardSigmoid HardSwish "
    "Identity LeakyRelu Log LogSoftmax Mish Neg Reciprocal Relu Round Selu "
    "Sigmoid Sign Sin Sinh Softmax Softplus Softsign Sqrt Tan Tanh "
    "ThresholdedRelu"
)
_BINARY = "Add Div Max Min Mul Pow PRelu Sub"
_COMPARISONS = "Equal Greater GreaterOrEqual Less LessOrEqual"
_REDUCTIONS = (
    "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean "
    "ReduceMin ReduceProd ReduceSum ReduceSumSquare"
)
_OF_OPSET = {"Gelu": 20}
_FACTOR = np.full((1, 3, 1, 1), 2, "float32")


def _simple():
    for name in _UNARY.split():
        yield name, one(name, opset=_OF_OPSET.get(name, 18))
    for name in _BINARY.split():
        yield name, one(name, _FACTOR)
    for name in _COMPARISONS.split():
        yield name, graph_of(
            node(name, "c"), result=TensorProto.BOOL, constants={"c": _FACTOR}
        )
    for name in _REDUCTIONS.split():
        yield name, one(name, AXES, keepdims=1)
    for name in ("And", "Or", "Xor"):
        yield name, masked(name, "b")
    yield "Not", masked("Not")


def _layers():
    yield "AveragePool", one("AveragePool", kernel_shape=[2, 2])
    stats = (ROW, ROW, ROW, ROW)
    yield "BatchNormalization", one("BatchNormalization", *stats)
    yield "Conv", one("Conv", KERNEL, ROW, pads=[1, 1, 1, 1])
    yield "ConvTranspose", one("ConvTranspose", KERNEL, strides=[2, 2])
    yield "DepthToSpace", graph_of(
        helper.make_node("Concat", ["x"] * 4, ["four"], axis=1),
        helper.make_node("DepthToSpace", ["four"], ["y"], blocksize=2),
    )
    yield "SpaceToDepth", one("SpaceToDepth", blocksize=2)
    yield "InstanceNormalization", one("InstanceNormalization", ROW, ROW)
    eight = np.ones(8, "float32")
    yield "LayerNormalization", one("LayerNormalization", eight, eight)
    yield "MaxPool", one("MaxPool", kernel_shape=[3, 3])
    yield "MatMul", one("MatMul", np.ones((8, 5), "float32"))
    yield "Gemm", graph_of(
        helper.make_node("Flatten", ["x"], ["flat"], axis=1),
        helper.make_node("Gemm", ["flat", "w"], ["y"], name="n"),
        constants={"w": np.ones((192, 2), "float32")},
    )
    yield "Einsum", one(
        "Einsum", np.ones((8, 5), "float32"), equation="abcd,de->abce"
    )
    for mode in ("nearest", "linear"):
        yield f"Resize {mode}", one("Resize", None, SCALES, mode=mode)
        yield f"Resize {mode} to a size", one(
            "Resize", None, None, SIZES, mode=mode
        )


def _doubling():
    """The body of a loop that doubles its state."""
    value = helper.make_tensor_value_info
    return helper.make_graph(
        [
            helper.make_node("Identity", ["before"], ["after"]),
            helper.make_node("Add", ["state", "state"], ["next"]),
        ],
        "body",
        [
            value("count", TensorProto.INT64, []),
            value("before", TensorProto.BOOL, []),
            value("state", REAL, SHAPE),
        ],
        [value("after", TensorProto.BOOL, []), value("next", REAL, SHAPE)],
    )


def _movements():
    yield "ArgMax", one("ArgMax", axis=1, result=TensorProto.INT64)
    yield "ArgMin", one("ArgMin", axis=1, result=TensorProto.INT64)
    yield "Concat", graph_of(
        helper.make_node("Concat", ["x", "x"], ["y"], axis=1)
    )
    yield "CumSum", one("CumSum", np.int64(1))
    yield "Expand", one("Expand", np.int64([2, 3, 8, 8]))
    yield "Flatten", one("Flatten")
    yield "Gather", one("Gather", np.int64([0, 2]), axis=1)
    yield "GatherElements", one(
        "GatherElements", np.zeros((1, 3, 8, 8), "int64"), axis=1
    )
    yield "GatherND", one("GatherND", np.int64([[0, 1], [0, 2]]))
    yield "Mod", one("Mod", np.float32(2), fmod=1)
    yield "Pad", one("Pad", np.int64([0, 0, 1, 1, 0, 0, 1, 1]))
    yield "Reshape", one("Reshape", np.int64([1, 3, 64]))
    yield "ScatterND", one(
        "ScatterND", np.int64([[0, 1]]), np.ones((1, 8, 8), "float32")
    )
    yield "ScatterElements", one(
        "ScatterElements",
        np.zeros((1, 1, 8, 8), "int64"),
        np.ones((1, 1, 8, 8), "float32"),
        axis=1,
    )
    yield "Shape", one("Shape", result=TensorProto.INT64)
    yield "Slice", one("Slice", np.int64([1]), np.int64([3]), AXES)
    yield "Split", graph_of(
        helper.make_node("Split", ["x", "sizes"], ["y", "z"], axis=1),
        constants={"sizes": np.int64([1, 2])},
    )
    yield "Squeeze", one("Squeeze", np.int64([0]))
    yield "Sum", graph_of(helper.make_node("Sum", ["x", "x", "x"], ["y"]))
    yield "Tile", one("Tile", np.int64([1, 2, 1, 1]))
    yield "TopK", graph_of(
        helper.make_node("TopK", ["x", "k"], ["y", "places"]),
        constants={"k": np.int64([2])},
    )
    yield "Transpose", one("Transpose", perm=[0, 2, 3, 1])
    yield "Trilu", one("Trilu")
    yield "Unsqueeze", one("Unsqueeze", AXES)
    yield "Where", graph_of(
        helper.make_node("Greater", ["x", "zero"], ["b"]),
        helper.make_node("Where", ["b", "x", "zero"], ["y"]),
        constants={"zero": np.float32(0)},
    )
    yield "IsNaN", one("IsNaN", result=TensorProto.BOOL)
    yield "ReverseSequence", one(
        "ReverseSequence", np.int64([8]), batch_axis=0, time_axis=2
    )
    yield "Size", one("Size", result=TensorProto.INT64)
    yield "Range", graph_of(
        helper.make_node("Range", ["a", "b", "c"], ["r"]),
        helper.make_node("Add", ["x", "r"], ["y"]),
        constants={n: np.float32(v) for n, v in (("a", 0), ("b", 8), ("c", 1))},
    )
    yield "ConstantOfShape", graph_of(
        helper.make_node("ConstantOfShape", ["shape"], ["z"]),
        helper.make_node("Add", ["x", "z"], ["y"]),
        constants={"shape": np.int64([3, 8, 8])},
    )
    yield "Constant", graph_of(
        helper.make_node(
            "Constant", [], ["k"], value=numpy_helper.from_array(np.float32(2))
        ),
        helper.make_node("Mul", ["x", "k"], ["y"]),
    )
    yield "Loop", graph_of(
        helper.make_node("Loop", ["times", "go", "x"], ["y"], body=_doubling()),
        constants={"times": np.int64(3), "go": np.bool_(True)},
    )
    for name, gates in (("LSTM", 4), ("GRU", 3), ("RNN", 1)):
        yield name, graph_of(
            helper.make_node("Reshape", ["x", "steps"], ["s"]),
            helper.make_node(name, ["s", "w", "r"], ["y"], hidden_size=2),
            constants={
                "steps": np.int64([24, 1, 8]),
                "w": np.ones((1, 2 * gates, 8), "float32"),
                "r": np.ones((1, 2 * gates, 2), "float32"),
            },
        )
    yield "OneHot", graph_of(
        helper.make_node("Cast", ["x"], ["i"], to=TensorProto.INT32),
        helper.make_node("OneHot", ["i", "depth", "values"], ["y"]),
        constants={"depth": np.int64([4]), "values": np.float32([0, 1])},
    )


def quantized(zero):
    """A graph that makes integers of `x`, and numbers of them."""
    ends = ["s", "z"]
    return graph_of(
        helper.make_node("QuantizeLinear", ["x", *ends], ["q"], name="n"),
        helper.make_node("DequantizeLinear", ["q", *ends], ["y"], name="m"),
        constants={"s": np.float32(0.1), "z": zero},
    )


_COMPUTED = ("CumSum", "ReduceSum", "Squeeze", "Unsqueeze")
_FACTORS = {
    "MatMul": (np.ones((8, 5), "int32"),),
    "PRelu": (np.ones((1, 3, 1, 1), "int32"),),
    "Resize": (None, SCALES),
}


def _of_integers(name):
    """An operator of integers, and back to numbers."""
    constants = _FACTORS.get(name, ())
    names = [f"c{i}" if c is not None else "" for i, c in enumerate(constants)]
    options = {"blocksize": 1} if name == "DepthToSpace" else {}
    return graph_of(
        helper.make_node("Cast", ["x"], ["i"], to=TensorProto.INT32),
        helper.make_node(name, ["i", *names], ["r"], name="n", **options),
        helper.make_node("Cast", ["r"], ["y"], to=REAL),
        constants={
            f"c{i}": c for i, c in enumerate(constants) if c is not None
        },
    )


def _restrictions():
    """Graphs at the limits of what is taken, on both sides."""
    yield "cubic", one("Resize", None, SCALES, mode="cubic")
    yield "antialias", one("Resize", None, SCALES, mode="linear", antialias=1)
    for mode in (
        *("asymmetric", "align_corners", "pytorch_half_pixel"),
        *("tf_half_pixel_for_nn", "tf_crop_and_resize"),
    ):
        yield f"coordinates {mode}", one(
            "Resize",
            None,
            SCALES,
            mode="nearest",
            opset=13,
            coordinate_transformation_mode=mode,
            nearest_mode="round_prefer_floor",
        )
    for rounding in (
        *("floor", "ceil"),
        *("round_prefer_floor", "round_prefer_ceil"),
    ):
        yield f"rounding {rounding}", one(
            "Resize", None, SCALES, mode="nearest", nearest_mode=rounding
        )
    yield "tf floor", one(
        "Resize",
        None,
        SCALES,
        mode="nearest",
        opset=13,
        coordinate_transformation_mode="tf_half_pixel_for_nn",
        nearest_mode="floor",
    )
    dilated = {"kernel_shape": [3, 3], "dilations": [2, 2]}
    yield "dilated maximum", one("MaxPool", **dilated)
    yield "dilated mean", one("AveragePool", opset=19, **dilated)
    yield "no such operator", one("Det")
    yield "double", one("Sigmoid", kind=TensorProto.DOUBLE)
    yield "half", one("Sigmoid", kind=HALF)
    yield "zero point 0", quantized(np.int8(0))
    yield "zero point 3", quantized(np.int8(3))
    yield "unsigned", quantized(np.uint8(0))
    yield "unsigned around 128", quantized(np.uint8(128))
    yield "maximum with places", graph_of(
        helper.make_node("MaxPool", ["x"], ["y", "p"], kernel_shape=[3, 3])
    )
    for name in ("MaxPool", "AveragePool"):
        yield f"{name} of lines", graph_of(
            helper.make_node("Reshape", ["x", "lines"], ["l"]),
            helper.make_node(name, ["l"], ["y"], kernel_shape=[3]),
            constants={"lines": np.int64([1, 3, 64])},
        )
    for name in _COMPUTED:
        yield f"{name} along a computed axis", graph_of(
            helper.make_node("Cast", ["x"], ["i"], to=TensorProto.INT64),
            helper.make_node("ReduceMax", ["i"], ["m"], keepdims=0),
            helper.make_node("Reshape", ["m", "one"], ["a"]),
            helper.make_node(name, ["x", "a"], ["y"]),
            constants={"one": np.int64([1])},
        )
    yield "TopK of many", graph_of(
        helper.make_node("Reshape", ["x", "line"], ["l"]),
        helper.make_node("Tile", ["l", "many"], ["t"]),
        helper.make_node("TopK", ["t", "k"], ["y", "places"]),
        constants={
            "line": np.int64([192]),
            "many": np.int64([30]),
            "k": np.int64([3841]),
        },
    )
    for name in ("MatMul", "Resize", "Relu", "PRelu", "DepthToSpace"):
        yield f"{name} of integers", _of_integers(name)
    yield "bytes inside", graph_of(
        helper.make_node("Cast", ["x"], ["b"], to=TensorProto.UINT8),
        helper.make_node("Cast", ["b"], ["y"], to=REAL),
    )
    yield "bytes at the end", graph_of(
        helper.make_node("Cast", ["x"], ["y"], to=TensorProto.UINT8),
        result=TensorProto.UINT8,
    )
    for opset in (9, 13, 17, 21, 24):
        yield f"operator set {opset}", one("Relu", opset=opset)


def small_graphs():
    """All of them.

    Returns:
        Dictionary from a name to an `onnx.ModelProto`; that of a graph for an
        operator begins with its name.
    """
    parts = (_simple(), _layers(), _movements(), _restrictions())
    return {name: graph for part in parts for name, graph in part}
