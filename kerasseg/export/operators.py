"""The operators that an exported file is made of."""

import collections
from pathlib import Path
from xml.etree import ElementTree

from kerasseg.export.errors import require


def saved_model_operators(path) -> dict[str, int]:
    """Counts the operators that the serving function of a SavedModel runs.

    Args:
        path: Folder of the SavedModel.

    Returns:
        Dictionary from operator name to count, most frequent first.
    """
    from tensorflow.core.protobuf import saved_model_pb2

    proto = saved_model_pb2.SavedModel()
    proto.ParseFromString((Path(path) / "saved_model.pb").read_bytes())
    counts = collections.Counter()
    graph = proto.meta_graphs[0].graph_def
    # The outer graph saves and restores variables; the model is a function.
    served = [f for f in graph.library.function if "serve" in f.signature.name]
    for function in served:
        counts.update(node.op for node in function.node_def)
    if len(served) > 1:
        inner = max(served, key=lambda f: len(f.node_def))
        counts = collections.Counter(node.op for node in inner.node_def)
    for name in ("NoOp", "Identity", "Const", "ReadVariableOp"):
        counts.pop(name, None)
    return _ordered(counts)


def litert_operators(path) -> dict[str, int]:
    """Counts the operators of a LiteRT file.

    Args:
        path: Path of the `.tflite` file.

    Returns:
        Dictionary from operator name to count, most frequent first. Custom
        and Flex operators carry the name that the file gives them.
    """
    names = (name for name, _ in _litert_nodes(path))
    return _ordered(collections.Counter(names))


def litert_float_operators(path) -> list[str]:
    """Names the operators of a LiteRT file that compute real numbers.

    Args:
        path: Path of the `.tflite` file.

    Returns:
        Sorted list of names, without those that only convert.
    """
    schema = require("ai_edge_litert.schema_py_generated", "litert")
    real = schema.TensorType.FLOAT32
    names = {name for name, kind in _litert_nodes(path) if kind == real}
    return sorted(names - {"DEQUANTIZE"})


def litert_custom_operators(path) -> list[str]:
    """Names the operators that the plain LiteRT runtime does not have.

    Args:
        path: Path of the `.tflite` file.

    Returns:
        Sorted list of names; Flex operators start with `Flex`.
    """
    schema = require("ai_edge_litert.schema_py_generated", "litert")
    model = schema.Model.GetRootAsModel(Path(path).read_bytes(), 0)
    codes = [
        model.OperatorCodes(index).CustomCode()
        for index in range(model.OperatorCodesLength())
    ]
    return sorted(code.decode() for code in codes if code)


def onnx_operators(path) -> dict[str, int]:
    """Counts the operators of an ONNX file.

    Args:
        path: Path of the `.onnx` file.

    Returns:
        Dictionary from operator name to count, most frequent first.
    """
    onnx = require("onnx", "onnx")
    graph = onnx.load(str(path)).graph
    return _ordered(collections.Counter(node.op_type for node in graph.node))


def openvino_operators(path) -> dict[str, int]:
    """Counts the operators of an OpenVINO file.

    Args:
        path: Path of the `.xml` file.

    Returns:
        Dictionary from operator name to count, most frequent first.
    """
    layers = ElementTree.parse(path).iter("layer")
    counts = collections.Counter(layer.get("type") for layer in layers)
    for name in ("Const", "Parameter", "Result"):
        counts.pop(name, None)
    return _ordered(counts)


def _ordered(counts):
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _litert_nodes(path):
    """Pairs of the name of each node and the type of its first result."""
    schema = require("ai_edge_litert.schema_py_generated", "litert")
    model = schema.Model.GetRootAsModel(Path(path).read_bytes(), 0)
    names = {
        value: name
        for name, value in vars(schema.BuiltinOperator).items()
        if not name.startswith("_")
    }
    codes = []
    for index in range(model.OperatorCodesLength()):
        code = model.OperatorCodes(index)
        custom = code.CustomCode()
        builtin = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        codes.append(custom.decode() if custom else names[builtin])
    for index in range(model.SubgraphsLength()):
        graph = model.Subgraphs(index)
        for position in range(graph.OperatorsLength()):
            node = graph.Operators(position)
            result = graph.Tensors(node.Outputs(0))
            yield codes[node.OpcodeIndex()], result.Type()
