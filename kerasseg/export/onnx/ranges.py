"""The ranges that a quantization-aware model has learned, in an ONNX graph."""

import numpy as np

# Operators whose result lies within the range of what they take.
_WITHIN = (
    "AveragePool",
    "Flatten",
    "Identity",
    "MaxPool",
    "Reshape",
    "Resize",
    "Slice",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
)
# Those of them that keep all values.
_MOVING = ("Flatten", "Identity", "Reshape", "Squeeze", "Transpose")
LEVELS = 255
MIDDLE = 128


def unmark(graph) -> dict:
    """Takes the marks of ranges out of a graph in float32.

    Args:
        graph: `onnx.GraphProto`, which is changed.

    Returns:
        Dictionary from the name of each tensor that has a learned range to
        its smallest and its largest value; also from the name of the node
        that makes it, after which ONNX Runtime calls what it transposes.
    """
    # From the name of what a mark returns to that of what it takes.
    names, ranges, kept = {}, {}, []
    for node in graph.node:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            names[node.output[0]] = names.get(node.input[0], node.input[0])
        else:
            kept.append(node)
        if node.op_type == "QuantizeLinear":
            ranges[node.input[0]] = _range(graph, node)
    if not names:
        return {}
    # A tensor that is an end of the graph takes the name of the end.
    ends = {
        names[value.name]: value.name
        for value in graph.output
        if value.name in names
    }
    for node in kept:
        for tensors in (node.input, node.output):
            for index, name in enumerate(tensors):
                source = names.get(name, name)
                tensors[index] = ends.get(source, source)
    del graph.node[:]
    graph.node.extend(kept)
    found = {ends.get(name, name): pair for name, pair in ranges.items()}
    found = _spread(graph, found)
    makers = {name: node.name for node in kept for name in node.output}
    alias = {makers[n]: pair for n, pair in found.items() if n in makers}
    return alias | found


def symmetric(ranges) -> dict:
    """The ranges as they are for integers from -127 to 127.

    Args:
        ranges: What `unmark` returned.

    Returns:
        Dictionary likewise. A range that was learned around 0 loses the
        integer -128, which has no counterpart.
    """
    lowest = -MIDDLE / (LEVELS - MIDDLE)
    return {
        name: (-high, high) if np.isclose(low, high * lowest) else (low, high)
        for name, (low, high) in ranges.items()
    }


def _range(graph, mark):
    from onnx import numpy_helper

    constants = {tensor.name: tensor for tensor in graph.initializer}
    scale, zero = (
        numpy_helper.to_array(constants[name]) for name in mark.input[1:3]
    )
    zero_point = int(zero) - int(np.iinfo(zero.dtype).min)
    scale = float(scale)
    return -zero_point * scale, (LEVELS - zero_point) * scale


def _spread(graph, ranges):
    """The ranges, also of what is only moved."""
    ranges = dict(ranges)
    for node in reversed(graph.node):
        if node.op_type in _MOVING and node.output[0] in ranges:
            ranges.setdefault(node.input[0], ranges[node.output[0]])
    for node in graph.node:
        # Their other inputs are shapes and limits.
        if node.op_type in _WITHIN and node.input[0] in ranges:
            ranges.setdefault(node.output[0], ranges[node.input[0]])
    return ranges
