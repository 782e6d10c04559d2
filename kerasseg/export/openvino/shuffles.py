"""Shuffles of channels to pixels, as OpenVINO quantizes them rightly."""

import numpy as np


def split_shuffles(proto) -> None:
    """Writes each `DepthToSpace` as a shuffle to rows and one to columns.

    OpenVINO moves the scales of integers from before a `DepthToSpace` to after
    it, also where each channel has its own: it then refuses the file, or
    computes something else. It makes a `DepthToSpace` of a shuffle to rows and
    columns at once, but not of two. Seen with OpenVINO 2026.4.1.

    Args:
        proto: `onnx.ModelProto`, which is changed.
    """
    import onnx

    known = onnx.shape_inference.infer_shapes(proto).graph
    shapes = {
        value.name: [n.dim_value for n in value.type.tensor_type.shape.dim]
        for value in (*known.input, *known.value_info)
    }
    nodes = []
    for node in proto.graph.node:
        if node.op_type == "DepthToSpace" and _mode(node) == b"DCR":
            nodes += _split(proto.graph, node, shapes[node.input[0]])
        else:
            nodes.append(node)
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)


def _mode(node):
    """Whether depth comes after the places in a block, or before them."""
    modes = (a.s for a in node.attribute if a.name == "mode")
    return next(modes, b"DCR")


def _split(graph, node, shape):
    """The nodes that compute the same."""
    from onnx import helper
    from onnx import numpy_helper

    batch, channels, height, width = shape
    (size,) = (a.i for a in node.attribute if a.name == "blocksize")
    depth, rows, columns = channels // size**2, size * height, size * width
    steps = (
        ("Reshape", (batch, size, size * depth, height, width)),
        ("Transpose", (0, 2, 3, 1, 4)),
        ("Reshape", (batch, size, depth, rows, width)),
        ("Transpose", (0, 2, 3, 4, 1)),
        ("Reshape", (batch, depth, rows, columns)),
    )
    (source,), (end,) = node.input, node.output
    names = [source, *(f"{end}/{i}" for i in range(1, len(steps))), end]
    for (kind, values), *ends in zip(steps, names, names[1:], strict=False):
        inputs, attributes = [ends[0]], {"perm": values}
        if kind == "Reshape":
            sizes = np.array(values, "int64")
            sizes = numpy_helper.from_array(sizes, f"{ends[1]}/to")
            graph.initializer.append(sizes)
            inputs, attributes = [ends[0], sizes.name], {}
        yield helper.make_node(kind, inputs, ends[1:], ends[1], **attributes)
