"""ONNX graphs compared with what TensorRT states that it takes."""

from kerasseg.export.errors import ExportError
from kerasseg.export.tensorrt import operators as table


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
            f"TensorRT is not known to take this graph: {'; '.join(found)} "
            f"(found by trying with TensorRT for RTX {table.VERSION})."
        )
    kinds = len({node.op_type for node in proto.graph.node})
    return (
        f"Operators, attributes and number formats are among those that "
        f"TensorRT for RTX {table.VERSION} took when they were tried ({kinds} "
        f"operators)."
    )


def _objections(proto):
    graph = _Graph(proto)
    for node in proto.graph.node:
        if node.op_type not in table.OPERATORS:
            yield f"no operator {node.op_type}"
            continue
        kind = graph.types.get(node.input[0]) if node.input else None
        if node.op_type in table.FLOAT_ONLY and kind in table.INTEGERS:
            yield f"{node.op_type} of {kind}"
        yield from _wrong_attributes(node)
        yield from _wrong_inputs(node, graph)
    for name in graph.inner_bytes():
        yield f"uint8 inside the graph ({name}), where only its ends may be"


def _wrong_attributes(node):
    import onnx

    name = node.op_type
    values = {
        attribute.name: onnx.helper.get_attribute_value(attribute)
        for attribute in node.attribute
    }
    if name == "Resize":
        yield from _wrong_resize(values)
    dilations = list(values.get("dilations", []))
    if name in table.UNIT_DILATIONS and set(dilations) - {1}:
        yield f"{name} with dilations={dilations}"
    if name in table.FIRST_OUTPUT_ONLY and any(node.output[1:]):
        yield f"{name} with a second output"


def _wrong_resize(values):
    values = {
        key: value.decode() if isinstance(value, bytes) else value
        for key, value in values.items()
    }
    for key, allowed in table.RESIZE.items():
        value = values.get(key, allowed[0])
        if value not in allowed:
            yield f"Resize with {key}={value!r}"
    mode = values.get("coordinate_transformation_mode")
    wanted = table.ROUNDING.get(mode)
    rounding = values.get("nearest_mode", "round_prefer_floor")
    nearest = values.get("mode", "nearest") == "nearest"
    if nearest and wanted not in (None, rounding):
        yield f"Resize with nearest_mode={rounding!r} and {mode}"


def _wrong_inputs(node, graph):
    name = node.op_type
    axes = [axis for axis in node.input[1:2] if axis]
    if name in table.KNOWN_AXES and not graph.constants.keys() >= set(axes):
        yield f"{name} with an input 1 that is computed"
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
        self._computed = [
            name
            for node in graph.node
            # Zero points of integers are looked at by themselves.
            if node.op_type != "QuantizeLinear"
            for name in node.output
        ]

    def inner_bytes(self):
        """Names the computed `uint8` tensors that are no end of the graph."""
        for name in self._computed:
            if self.types.get(name) == "uint8" and name not in self._ends:
                yield name


def _type_name(onnx, number):
    name = onnx.TensorProto.DataType.Name(number).lower()
    return {"float": "float32", "double": "float64"}.get(name, name)
