"""What a file says about itself, read without running it."""

import dataclasses
from pathlib import Path

import numpy as np

from kerasseg.export.errors import ExportError
from kerasseg.export.errors import require
from kerasseg.export.quiet import quiet
from kerasseg.export.static import first_line


@dataclasses.dataclass(frozen=True)
class End:
    """The input or the output of a file.

    Args:
        name: Name in the file.
        shape: Sizes in the layout of the file, `None` where it names none.
        dtype: Number format.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str


@dataclasses.dataclass(frozen=True)
class Ends:
    """Input, output and numbers of a file.

    Args:
        input: The `End` that takes the images.
        output: The `End` that returns logits or class ids.
        layout: `"NHWC"` or `"NCHW"`.
        precision: `"float32"`, `"float16"` or `"int8"`: the coarsest number
            format that the file stores or computes with.
    """

    input: End
    output: End
    layout: str
    precision: str


def saved_model_ends(path) -> Ends:
    """Reads the signature `serving_default` of a SavedModel.

    Args:
        path: Folder of the SavedModel.

    Returns:
        `Ends` of the signature.

    Raises:
        ExportError: If it cannot be read.
    """
    require("tensorflow", "tensorflow")
    import tensorflow as tf
    from tensorflow.core.protobuf import saved_model_pb2

    def end(tensors):
        ((name, info),) = tensors.items()
        shape = [axis.size for axis in info.tensor_shape.dim]
        return End(name, _sizes(shape), tf.as_dtype(info.dtype).name)

    proto = saved_model_pb2.SavedModel()
    try:
        proto.ParseFromString((Path(path) / "saved_model.pb").read_bytes())
        serve = proto.meta_graphs[0].signature_def["serving_default"]
        return Ends(end(serve.inputs), end(serve.outputs), "NHWC", "float32")
    except Exception as error:
        raise _unreadable("SavedModel", error) from error


def litert_ends(path) -> Ends:
    """Reads the signature and the tensor types of a LiteRT file.

    Args:
        path: Path of the `.tflite` file.

    Returns:
        `Ends` of the signature.

    Raises:
        ExportError: If it cannot be read.
    """
    litert = require("ai_edge_litert.interpreter", "litert")

    def end(details):
        ((name, tensor),) = details.items()
        return End(name, _sizes(tensor["shape"]), _name(tensor["dtype"]))

    try:
        with quiet():
            interpreter = litert.Interpreter(model_path=str(path))
            serve = interpreter.get_signature_runner("serving_default")
            tensors = interpreter.get_tensor_details()
            ends = (
                end(serve.get_input_details()),
                end(serve.get_output_details()),
            )
    except Exception as error:
        raise _unreadable("LiteRT file", error) from error
    return Ends(*ends, "NHWC", _coarsest(_name(t["dtype"]) for t in tensors))


def onnx_ends(path) -> Ends:
    """Reads the graph of an ONNX file.

    Args:
        path: Path of the `.onnx` file.

    Returns:
        `Ends` of the graph.

    Raises:
        ExportError: If it cannot be read.
    """
    onnx = require("onnx", "onnx")

    def end(values):
        (value,) = values
        kind = value.type.tensor_type
        shape = [axis.dim_value or None for axis in kind.shape.dim]
        dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)
        return End(value.name, _sizes(shape), _name(dtype))

    try:
        proto = onnx.load(str(path))
        graph = proto.graph
        layout = {p.key: p.value for p in proto.metadata_props}.get("layout")
        numbers = {
            _name(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type))
            for tensor in graph.initializer
        }
        if any(node.op_type == "DequantizeLinear" for node in graph.node):
            numbers.add("int8")
        ends = end(graph.input), end(graph.output)
    except Exception as error:
        raise _unreadable("ONNX file", error) from error
    return Ends(*ends, layout or "NHWC", _coarsest(numbers))


def openvino_ends(path) -> Ends:
    """Reads the graph of an OpenVINO file.

    Args:
        path: Path of the `.xml` file; its `.bin` lies beside it.

    Returns:
        `Ends` of the graph.

    Raises:
        ExportError: If it cannot be read.
    """
    openvino = require("openvino", "openvino")

    def end(ports):
        (port,) = ports
        shape = [
            axis.get_length() if axis.is_static else None
            for axis in port.partial_shape
        ]
        name = next(iter(sorted(port.names)))
        return End(name, _sizes(shape), _name(port.element_type.to_dtype()))

    try:
        with quiet():
            model = openvino.Core().read_model(str(path))
        layout = model.get_rt_info(["kerasseg", "layout"]).value
        nodes = model.get_ordered_ops()
        numbers = {
            node.get_element_type().to_string()
            for node in nodes
            if node.get_type_name() == "Constant"
        }
        names = {"f16": "float16", "i8": "int8"}
        found = [names[n] for n in numbers if n in names]
        ends = end(model.inputs), end(model.outputs)
    except Exception as error:
        raise _unreadable("OpenVINO file", error) from error
    return Ends(*ends, layout, _coarsest(found))


def _sizes(shape):
    return tuple(
        None if size is None or size < 0 else int(size) for size in shape
    )


def _name(dtype):
    return np.dtype(dtype).name


def _coarsest(names):
    """Float16 parts of an int8 file do not make it a float16 file."""
    names = set(names)
    return next((n for n in ("int8", "float16") if n in names), "float32")


def _unreadable(kind, error):
    return ExportError(f"The {kind} cannot be read: {first_line(error)}")
