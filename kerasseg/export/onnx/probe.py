"""An ONNX graph that measures what quantization does to its operators."""

from kerasseg.export.onnx.graph import sort_nodes

# What ONNX Runtime appends where it takes a name for a quantized tensor.
_BEFORE = "_QuantizeLinear_Input"
_QUANTIZED = "/quantized"


def tap(graph, kind, name, output) -> None:
    """Adds a scalar output that sums up a tensor.

    Args:
        graph: `onnx.GraphProto`, which is changed.
        kind: Operator that reduces: `"ReduceMin"`, `"ReduceMax"` or
            `"ReduceMean"`.
        name: Name of the tensor.
        output: Name of the output.
    """
    from onnx import TensorProto
    from onnx import helper

    graph.node.append(
        helper.make_node(kind, [name], [output], name=output, keepdims=0)
    )
    graph.output.append(
        helper.make_tensor_value_info(output, TensorProto.FLOAT, [])
    )


def build(exact, quantized):
    """Runs each quantized operator beside the exact one, on the same input.

    Args:
        exact: `onnx.ModelProto` in float32.
        quantized: The same with quantizing and dequantizing nodes, by ONNX
            Runtime.

    Returns:
        An `onnx.ModelProto`, and a dictionary from the name of each quantized
        operator to the output with the mean square of its error and the
        scale of its result.
    """
    import onnx
    from onnx import helper

    probe = onnx.ModelProto()
    probe.CopyFrom(quantized)
    del probe.graph.node[:], probe.graph.output[:], probe.graph.value_info[:]
    probe.graph.node.extend(exact.graph.node)
    known = {t.name for t in probe.graph.initializer}
    probe.graph.initializer.extend(
        t for t in exact.graph.initializer if t.name not in known
    )
    known = {name for node in exact.graph.node for name in node.output}
    converted = {
        name
        for node in quantized.graph.node
        if _converts(node)
        for name in node.output
    }
    steps = _quantizers(quantized.graph)
    probed = {}
    for node in quantized.graph.node:
        copy = _beside(node, converted)
        probe.graph.node.append(copy)
        result = node.output[0]
        real = _plain(result)
        if _converts(node) or result not in steps or real not in known:
            continue
        ends = list(steps[result].input[1:])
        stem = f"{node.name}{_QUANTIZED}"
        parts = [f"{stem}/{i}" for i in range(5)]
        probe.graph.node.extend(
            [
                helper.make_node(
                    "QuantizeLinear", [copy.output[0], *ends], [parts[0]]
                ),
                helper.make_node(
                    "DequantizeLinear", [parts[0], *ends], [parts[1]]
                ),
                helper.make_node("Sub", [parts[1], real], [parts[2]]),
                helper.make_node("Mul", [parts[2], parts[2]], [parts[3]]),
            ]
        )
        tap(probe.graph, "ReduceMean", parts[3], parts[4])
        probed[node.name] = parts[4], _constant(quantized.graph, ends[0])
    sort_nodes(probe.graph)
    return probe, probed


def _beside(node, converted):
    """Copies a node so that it takes exact tensors and writes its own."""
    import onnx

    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    copy.name = f"{node.name}{_QUANTIZED}"
    for index, name in enumerate(node.input):
        own = f"{name}{_QUANTIZED}"
        copy.input[index] = own if name in converted else _plain(name)
    for index, name in enumerate(node.output):
        copy.output[index] = f"{name}{_QUANTIZED}"
    return copy


def _plain(name):
    return name.removesuffix(_BEFORE)


def _converts(node):
    return node.op_type in ("QuantizeLinear", "DequantizeLinear")


def _quantizers(graph):
    return {
        node.input[0]: node
        for node in graph.node
        if node.op_type == "QuantizeLinear"
    }


def _constant(graph, name):
    from onnx import numpy_helper

    (tensor,) = (t for t in graph.initializer if t.name == name)
    return float(numpy_helper.to_array(tensor))
