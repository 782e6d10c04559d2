"""The ranges that a quantization-aware model has learned, in a LiteRT graph."""

import numpy as np

from kerasseg.export.litert import graph as graphs

# Operators whose result lies within the range of what they take.
_WITHIN = (
    "AVERAGE_POOL_2D",
    "MAX_POOL_2D",
    "PAD",
    "RESHAPE",
    "RESIZE_BILINEAR",
    "RESIZE_NEAREST_NEIGHBOR",
    "SLICE",
    "STRIDED_SLICE",
    "TRANSPOSE",
)
LEVELS = 255


def unmarked(content):
    """Takes the marks of ranges out of a graph in float32.

    Args:
        content: Bytes of the file.

    Returns:
        Bytes of the file without them, and a dictionary from the index of
        each tensor that has a learned range to its smallest and its largest
        value; the content itself where there are no marks.
    """
    graph = graphs.parse(content)
    main = graph.subgraphs[0]
    # From the index of what a mark returns to that of what it takes.
    passed, ranges = {}, {}
    for op in main.operators:
        kind = graphs.operator_name(graph, op)
        if kind not in ("QUANTIZE", "DEQUANTIZE"):
            continue
        source, target = int(op.inputs[0]), int(op.outputs[0])
        if kind == "QUANTIZE":
            ranges[source] = _range(main.tensors[target])
        passed[target] = passed.get(source, source)
    if not passed:
        return content, {}
    main.operators = [
        op for op in main.operators if int(op.outputs[0]) not in passed
    ]
    for holder in main.operators:
        holder.inputs = _renamed(holder.inputs, passed)
    main.outputs = _renamed(main.outputs, passed)
    return graphs.pack(graph), _spread(graph, ranges)


def _renamed(indices, passed):
    found = [passed.get(int(index), int(index)) for index in indices]
    return np.array(found, "int32")


def _range(tensor):
    marks = tensor.quantization
    scale, zero = float(marks.scale[0]), int(marks.zeroPoint[0])
    zero -= graphs.lowest(tensor)
    return -zero * scale, (LEVELS - zero) * scale


def _spread(graph, ranges):
    """The ranges, also of what is only moved."""
    ranges = dict(ranges)
    for op in graph.subgraphs[0].operators:
        source, target = int(op.inputs[0]), int(op.outputs[0])
        moves = graphs.operator_name(graph, op) in _WITHIN
        if moves and source in ranges:
            ranges.setdefault(target, ranges[source])
    return ranges
