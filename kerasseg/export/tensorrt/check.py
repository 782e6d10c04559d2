"""ONNX graphs compared with what TensorRT states that it takes."""

from kerasseg.export.errors import ExportError
from kerasseg.export.tensorrt import operators as table

# Whose number format counts is not the first input.
_SECOND_INPUT = ("Where",)
_OUTPUT = ("Constant", "ConstantOfShape")


def check_for_tensorrt(proto) -> str:
    """Refuses a graph that TensorRT's ONNX parser does not take.

    Args:
        proto: `onnx.ModelProto`.

    Returns:
        Sentence on what was checked.

    Raises:
        ExportError: If there are such operators, attributes or number
            formats; they are named.
    """
    found = list(dict.fromkeys(_objections(proto)))
    if found:
        raise ExportError(
            f"TensorRT {table.TENSORRT_VERSION} does not take this graph: "
            f"{'; '.join(found)} ({table.SOURCE}, read on {table.READ_ON})."
        )
    kinds = len({node.op_type for node in proto.graph.node})
    return (
        f"Operators, attributes and number formats are among those that "
        f"TensorRT {table.TENSORRT_VERSION} states ({kinds} operators, table "
        f"of {table.READ_ON})."
    )


def _objections(proto):
    graph = _Graph(proto)
    opset = proto.opset_import[0].version
    if opset not in table.OPSETS:
        yield (
            f"operator set {opset}, where {table.OPSETS[0]} to "
            f"{table.OPSETS[-1]} are taken"
        )
    for node in proto.graph.node:
        if node.op_type not in table.OPERATORS:
            yield f"no operator {node.op_type}"
            continue
        yield from _wrong_types(node, graph)
        yield from _wrong_attributes(node, graph)
        yield from _wrong_inputs(node, graph)
    for name in graph.inner_bytes():
        yield f"uint8 inside the graph ({name}), where only its ends may be"


def _wrong_types(node, graph):
    name = node.op_type
    names = list(node.input[:1])
    if name in _SECOND_INPUT:
        names = list(node.input[1:2])
    if name in _OUTPUT:
        names = list(node.output[:1])
    if name == "Cast":
        names = [node.input[0], node.output[0]]
    for tensor in names:
        kind = graph.types.get(tensor)
        if kind is not None and kind not in table.OPERATORS[name]:
            yield f"{name} of {kind}"


def _wrong_attributes(node, graph):
    import onnx

    name = node.op_type
    values = {
        attribute.name: onnx.helper.get_attribute_value(attribute)
        for attribute in node.attribute
    }
    for key, allowed in table.ATTRIBUTES.get(name, {}).items():
        value = values.get(key, allowed[0])
        value = value.decode() if isinstance(value, bytes) else value
        unused = key == "nearest_mode" and values.get("mode") != b"nearest"
        if value not in allowed and not unused:
            yield f"{name} with {key}={value!r}"
    dilations = list(values.get("dilations", []))
    if name in table.UNIT_DILATIONS and set(dilations) - {1}:
        yield f"{name} with dilations={dilations}"
    kernel = list(values.get("kernel_shape", [1, 1]))
    if name in table.PLANAR_POOLING and len(kernel) not in (2, 3):
        yield f"{name} with kernel_shape={kernel}"
    if name in table.FIRST_OUTPUT_ONLY and any(node.output[1:]):
        yield f"{name} with a second output"


def _wrong_inputs(node, graph):
    name = node.op_type
    for position in table.CONSTANT_INPUTS.get(name, ()):
        given = node.input[position : position + 1]
        if any(given) and given[0] not in graph.constants:
            yield f"{name} with an input {position} that is computed"
    if name in table.ZERO_POINT_ZERO and any(node.input[2:3]):
        zero_point = graph.constants.get(node.input[2])
        if zero_point is None or zero_point.any():
            yield f"{name} with a zero point other than 0"
    if name == "TopK":
        count = graph.constants.get(node.input[1])
        if count is None or count.max() > table.MAX_TOP_K:
            yield f"TopK of more than {table.MAX_TOP_K}"


class _Graph:
    """Number formats and constants of a graph."""

    def __init__(self, proto):
        import onnx
        from onnx import numpy_helper

        graph = onnx.shape_inference.infer_shapes(proto).graph
        self.constants = {
            tensor.name: numpy_helper.to_array(tensor)
            for tensor in graph.initializer
        }
        for node in graph.node:
            if node.op_type == "Constant" and node.attribute[0].name == "value":
                value = numpy_helper.to_array(node.attribute[0].t)
                self.constants[node.output[0]] = value
        values = (*graph.input, *graph.value_info, *graph.output)
        numbers = {v.name: v.type.tensor_type.elem_type for v in values}
        numbers.update({t.name: t.data_type for t in graph.initializer})
        self.types = {
            name: _type_name(onnx, number) for name, number in numbers.items()
        }
        self._ends = {v.name for v in (*graph.input, *graph.output)}
        self._computed = [name for node in graph.node for name in node.output]

    def inner_bytes(self):
        """Names the computed `uint8` tensors that are no end of the graph."""
        for name in self._computed:
            if self.types.get(name) == "uint8" and name not in self._ends:
                yield name


def _type_name(onnx, number):
    name = onnx.TensorProto.DataType.Name(number).lower()
    return {"float": "float32", "double": "float64"}.get(name, name)
