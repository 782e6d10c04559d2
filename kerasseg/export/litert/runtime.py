"""A LiteRT file in the plain interpreter: opened, run and read."""

import collections
from pathlib import Path

import numpy as np

from kerasseg.export.errors import require
from kerasseg.export.format import by_count
from kerasseg.export.runtime import available_threads
from kerasseg.export.runtime import checked_output
from kerasseg.export.runtime import run_all
from kerasseg.export.runtime import unloadable
from kerasseg.export.signature import Signature
from kerasseg.export.signature import TensorSpec
from kerasseg.export.signature import coarsest
from kerasseg.export.signature import dtype_name
from kerasseg.export.signature import sizes
from kerasseg.export.signature import unreadable
from kerasseg.export.workarounds import quiet


def open_litert(path):
    """Loads a LiteRT file in the plain interpreter, without Flex operators.

    Args:
        path: Path of the `.tflite` file.

    Returns:
        Function from an image batch to logits or class ids, numpy arrays
        with channels last.

    Raises:
        ExportError: If the interpreter refuses the file or does not find
            the signature from `images` to `logits` or `mask`.
    """
    litert = require("ai_edge_litert.interpreter", "litert")
    try:
        with quiet():
            interpreter = litert.Interpreter(
                model_path=str(path), num_threads=available_threads()
            )
            interpreter.allocate_tensors()
            serve = interpreter.get_signature_runner("serving_default")
    except Exception as error:
        raise unloadable("LiteRT", error) from error

    inputs, outputs = serve.get_input_details(), serve.get_output_details()
    output = checked_output(list(inputs), list(outputs))

    def run(images):
        result = serve(images=_to_integers(images, inputs["images"]))[output]
        return (
            result if output == "mask" else _to_float(result, outputs["logits"])
        )

    return run


def read_signature(path) -> Signature:
    """Reads the signature and the tensor types of a LiteRT file.

    Args:
        path: Path of the `.tflite` file.

    Returns:
        `Signature` of the signature.

    Raises:
        ExportError: If it cannot be read.
    """
    litert = require("ai_edge_litert.interpreter", "litert")

    def end(details):
        ((name, tensor),) = details.items()
        return TensorSpec(
            name, sizes(tensor["shape"]), dtype_name(tensor["dtype"])
        )

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
        raise unreadable("LiteRT file", error) from error
    return Signature(
        *ends, "NHWC", coarsest(dtype_name(t["dtype"]) for t in tensors)
    )


def quantization_of(path) -> tuple[dict | None, dict | None]:
    """Reads how a LiteRT file turns pixels and logits into integers.

    Args:
        path: Path of the `.tflite` file.

    Returns:
        For input and output a dictionary with `scale` and `zero_point`,
        where `real = scale * (integer - zero_point)`, or `None` where the
        values are no quantized numbers.
    """
    litert = require("ai_edge_litert.interpreter", "litert")
    with quiet():
        serve = litert.Interpreter(model_path=str(path)).get_signature_runner(
            "serving_default"
        )
    ends = (serve.get_input_details(), serve.get_output_details())
    return tuple(_quantization(next(iter(end.values()))) for end in ends)


def count_operators(path) -> dict[str, int]:
    """Counts the operators of a LiteRT file.

    Args:
        path: Path of the `.tflite` file.

    Returns:
        Dictionary from operator name to count, most frequent first. Custom
        and Flex operators carry the name that the file gives them.
    """
    names = (name for name, _ in _nodes(path))
    return by_count(collections.Counter(names))


def float_operators(path) -> list[str]:
    """Names the operators of a LiteRT file that compute in float.

    Args:
        path: Path of the `.tflite` file.

    Returns:
        Sorted list of names, without those that only convert.
    """
    schema = require("ai_edge_litert.schema_py_generated", "litert")
    real = schema.TensorType.FLOAT32
    names = {name for name, kind in _nodes(path) if kind == real}
    return sorted(names - {"DEQUANTIZE"})


def custom_operators(path) -> list[str]:
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


def run_litert(path, images) -> np.ndarray:
    """Runs images through a LiteRT file, one by one.

    Args:
        path: Path of the `.tflite` file.
        images: Array `(batch, height, width, channels)`, values 0..255.

    Returns:
        Array of logits `(batch, height, width, num_classes)`, or of class
        ids `(batch, height, width)`.
    """
    return run_all(open_litert(path), images)


def _quantization(details):
    scale, zero_point = details["quantization"]
    if not scale:
        return None
    return {"scale": float(scale), "zero_point": int(zero_point)}


def _to_integers(images, details):
    form = _quantization(details)
    if form is None:
        return images
    limits = np.iinfo(details["dtype"])
    integers = np.round(images / form["scale"]) + form["zero_point"]
    return np.clip(integers, limits.min, limits.max).astype(details["dtype"])


def _to_float(values, details):
    form = _quantization(details)
    if form is None:
        return values
    shifted = values.astype("float32") - form["zero_point"]
    return np.float32(form["scale"]) * shifted


def _nodes(path):
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
