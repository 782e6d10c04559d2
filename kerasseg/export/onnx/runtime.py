"""An ONNX file in ONNX Runtime: opened, run and read."""

import collections
import json
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


def open_onnx(path):
    """Loads an ONNX file in ONNX Runtime on the CPU.

    Args:
        path: Path of the `.onnx` file.

    Returns:
        Function from an image batch to logits or class ids, numpy arrays
        with channels last.

    Raises:
        ExportError: If ONNX Runtime refuses the file or its input and output
            are not `images` and `logits` or `mask`.
    """
    return function_of(_session(path))


def time_shares(path, images, runs=3) -> dict[str, float]:
    """Measures which operators take the time of an ONNX file.

    Args:
        path: Path of the `.onnx` file.
        images: Batch of one image, channels last.
        runs: Number of runs. Defaults to `3`.

    Returns:
        Dictionary from operator name to its share of the time, in [0, 1],
        largest first. ONNX Runtime may have merged operators before.
    """
    session = _session(path, profile=Path(path).with_suffix(".profile"))
    run = function_of(session)
    for _ in range(runs):
        run(images)
    log = Path(session.end_profiling())
    microseconds = collections.Counter()
    for event in json.loads(log.read_text()):
        if event.get("cat") == "Node" and "op_name" in event.get("args", {}):
            microseconds[event["args"]["op_name"]] += event["dur"]
    log.unlink()
    total = microseconds.total()
    return {n: t / total for n, t in microseconds.most_common() if total}


def read_signature(path) -> Signature:
    """Reads the graph of an ONNX file.

    Args:
        path: Path of the `.onnx` file.

    Returns:
        `Signature` of the graph.

    Raises:
        ExportError: If it cannot be read.
    """
    onnx = require("onnx", "onnx")

    def end(values):
        (value,) = values
        kind = value.type.tensor_type
        shape = [axis.dim_value or None for axis in kind.shape.dim]
        dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)
        return TensorSpec(value.name, sizes(shape), dtype_name(dtype))

    try:
        proto = onnx.load(str(path))
        graph = proto.graph
        layout = {p.key: p.value for p in proto.metadata_props}.get("layout")
        numbers = {
            dtype_name(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type))
            for tensor in graph.initializer
        }
        if any(node.op_type == "DequantizeLinear" for node in graph.node):
            numbers.add("int8")
        ends = end(graph.input), end(graph.output)
    except Exception as error:
        raise unreadable("ONNX file", error) from error
    return Signature(*ends, layout or "NHWC", coarsest(numbers))


def count_operators(path) -> dict[str, int]:
    """Counts the operators of an ONNX file.

    Args:
        path: Path of the `.onnx` file.

    Returns:
        Dictionary from operator name to count, most frequent first.
    """
    onnx = require("onnx", "onnx")
    graph = onnx.load(str(path)).graph
    return by_count(collections.Counter(node.op_type for node in graph.node))


def holds_bytes(path) -> bool:
    """Looks for numbers that are quantized to `uint8` in an ONNX file.

    Args:
        path: Path of the `.onnx` file.

    Returns:
        Whether there are any.
    """
    onnx = require("onnx", "onnx")
    graph = onnx.load(str(path)).graph
    zeros = {
        node.input[2]
        for node in graph.node
        if node.op_type == "QuantizeLinear" and len(node.input) > 2
    }
    return any(
        tensor.data_type == onnx.TensorProto.UINT8 and tensor.name in zeros
        for tensor in graph.initializer
    )


def holds_wide_weights(path) -> bool:
    """Looks for weights of more than 7 bits in an ONNX file.

    Args:
        path: Path of the `.onnx` file.

    Returns:
        Whether an `int8` constant has a number outside -64..64.
    """
    onnx = require("onnx", "onnx")
    return any(
        np.abs(onnx.numpy_helper.to_array(tensor).astype("int16")).max() > 64
        for tensor in onnx.load(str(path)).graph.initializer
        if tensor.data_type == onnx.TensorProto.INT8 and any(tensor.dims)
    )


def run_onnx(path, images) -> np.ndarray:
    """Runs images through an ONNX file, one by one.

    Args:
        path: Path of the `.onnx` file.
        images: Array `(batch, height, width, channels)`, values 0..255.

    Returns:
        Array of logits `(batch, height, width, num_classes)`, or of class
        ids `(batch, height, width)`.
    """
    return run_all(open_onnx(path), images)


def _session(path, profile=None):
    onnxruntime = require("onnxruntime", "onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = available_threads()
    options.log_severity_level = 3
    if profile is not None:
        options.enable_profiling = True
        options.profile_file_prefix = str(profile)
    try:
        return onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        raise unloadable("ONNX Runtime", error) from error


def function_of(session):
    """Makes a function of a session of ONNX Runtime.

    Args:
        session: The session of an exported file.

    Returns:
        Function from an image batch to logits or class ids, with channels
        last.
    """
    output = checked_output(
        [t.name for t in session.get_inputs()],
        [t.name for t in session.get_outputs()],
    )
    metadata = session.get_modelmeta().custom_metadata_map
    first = metadata.get("layout") == "NCHW"

    def run(images):
        if first:
            images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
        (result,) = session.run([output], {"images": images})
        if first and output == "logits":
            result = result.transpose(0, 2, 3, 1)
        return result

    return run
