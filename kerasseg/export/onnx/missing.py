"""TensorFlow's operators that tf2onnx lacks, in the words of ONNX."""

import numpy as np

# Operator -> the steps that compute it: an operator of ONNX, and its inputs,
# where "x" is the input, "_" the step before, and a number a constant.
_STEPS = {
    "Erfc": (("Erf", "x"), ("Sub", 1.0, "_")),
    "Expm1": (("Exp", "x"), ("Sub", "_", 1.0)),
    "Log1p": (("Add", "x", 1.0), ("Log", "_")),
}
_RESIZE = "ScaleAndTranslate"


def spell_out(graph) -> None:
    """Replaces operators that ONNX has no name for but can compute.

    Args:
        graph: `onnx.GraphProto`, which is changed. Nodes that cannot be
            replaced stay.
    """
    nodes = list(graph.node)
    del graph.node[:]
    for node in nodes:
        graph.node.extend(_replacement(node, graph) or [node])


def _replacement(node, graph):
    if node.domain:
        return None
    if node.op_type in _STEPS:
        return _steps(node, graph)
    if node.op_type == _RESIZE:
        return _products(node, graph)
    if node.op_type == "Bucketize":
        return _count(node, graph)
    return None


def _steps(node, graph):
    """The nodes that compute what a node shall."""
    from onnx import helper

    names = {"x": node.input[0]}
    made = []
    steps = _STEPS[node.op_type]
    for index, (kind, *inputs) in enumerate(steps):
        last = index == len(steps) - 1
        result = node.output[0] if last else f"{node.name}/step_{index}"
        names_in = [
            _constant(graph, f"{node.name}/one", np.float32(x))
            if isinstance(x, float)
            else names[x]
            for x in inputs
        ]
        names["_"] = result
        name = node.name if last else result
        made.append(helper.make_node(kind, names_in, [result], name=name))
    return made


def _products(node, graph):
    """A resize of a fixed size as products with two constant matrices.

    That is how it is defined: each row of the result is a weighted sum of
    rows, and each column of columns.
    """
    from onnx import helper

    known = _constants(graph)
    if any(name not in known for name in node.input[1:]):
        return None
    target, scale, translation = (known[name] for name in node.input[1:])
    if translation.any():
        return None
    options = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    rows, columns = map(_weights, target, scale, (options, options))
    stem = node.name
    names = [f"{stem}/{word}" for word in ("first", "rows", "both")]
    left = _constant(graph, f"{stem}/of_rows", rows)
    right = _constant(graph, f"{stem}/of_columns", columns.T)
    return [
        helper.make_node(kind, inputs, [result], name=name, **attributes)
        for kind, inputs, result, name, attributes in (
            ("Transpose", [node.input[0]], names[0], names[0], _perm(0, 3, 1)),
            ("MatMul", [left, names[0]], names[1], names[1], {}),
            ("MatMul", [names[1], right], names[2], names[2], {}),
            ("Transpose", [names[2]], node.output[0], stem, _perm(0, 2, 3)),
        )
    ]


def _count(node, graph):
    """The number of boundaries that a value has reached."""
    from onnx import TensorProto
    from onnx import helper

    stem = node.name
    boundaries = next(a for a in node.attribute if a.name == "boundaries")
    limits = _constant(graph, f"{stem}/limits", np.float32(boundaries.floats))
    last = _constant(graph, f"{stem}/last", np.int64([-1]))
    steps = (
        ("Cast", (), {"to": TensorProto.FLOAT}),
        ("Unsqueeze", (last,), {}),
        ("GreaterOrEqual", (limits,), {}),
        ("Cast", (), {"to": TensorProto.INT32}),
        ("ReduceSum", (last,), {"keepdims": 0}),
    )
    names = [node.input[0]]
    names += [f"{stem}/step_{index}" for index in range(len(steps) - 1)]
    names.append(node.output[0])
    return [
        helper.make_node(kind, [before, *rest], [name], name=name, **options)
        for (kind, rest, options), before, name in zip(
            steps, names, names[1:], strict=False
        )
    ]


def _perm(*first):
    return {"perm": [*first, ({0, 1, 2, 3} - set(first)).pop()]}


def _weights(target, scale, options):
    """What each row or column of the result takes of those before."""
    import tensorflow as tf

    size = round(float(target / scale))
    identity = np.eye(size, dtype="float32")
    resized = tf.raw_ops.ScaleAndTranslate(
        images=identity[None, :, :, None],
        size=np.int32([target, size]),
        scale=np.float32([scale, 1]),
        translation=np.float32([0, 0]),
        kernel_type=options.get("kernel_type", b"lanczos3"),
        antialias=bool(options.get("antialias", 1)),
    )
    return resized.numpy()[0, :, :, 0]


def _constants(graph):
    from onnx import numpy_helper

    return {t.name: numpy_helper.to_array(t) for t in graph.initializer}


def _constant(graph, name, value):
    from onnx import numpy_helper

    if all(tensor.name != name for tensor in graph.initializer):
        graph.initializer.append(numpy_helper.from_array(value, name))
    return name
