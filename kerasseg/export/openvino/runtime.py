"""An OpenVINO file in OpenVINO: opened, run and read."""

import collections
from xml.etree import ElementTree

import numpy as np

from kerasseg.export.errors import ExportError
from kerasseg.export.errors import first_line
from kerasseg.export.errors import require
from kerasseg.export.format import by_count
from kerasseg.export.runtime import available_threads
from kerasseg.export.runtime import checked_output
from kerasseg.export.runtime import run_all
from kerasseg.export.signature import Signature
from kerasseg.export.signature import TensorSpec
from kerasseg.export.signature import coarsest
from kerasseg.export.signature import dtype_name
from kerasseg.export.signature import sizes
from kerasseg.export.signature import unreadable
from kerasseg.export.workarounds import quiet

_PLACES = ("Exception from", "Check ", "FrontEnd API", "Model wasn't")
_MAX_LENGTH = 400


def open_openvino(path):
    """Loads an OpenVINO file in OpenVINO on the CPU, in float32.

    Args:
        path: Path of the `.xml` file; its `.bin` lies beside it.

    Returns:
        Function from an image batch to logits or class ids, numpy arrays
        with channels last.

    Raises:
        ExportError: If OpenVINO refuses the file or its input and output
            are not `images` and `logits` or `mask`.
    """
    compiled, first = _compiled(path)
    output = checked_output(
        [_known_name(port) for port in compiled.inputs],
        [_known_name(port) for port in compiled.outputs],
    )

    def run(images):
        if first:
            images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
        result = compiled({"images": images})[output].copy()
        if first and output == "logits":
            result = result.transpose(0, 2, 3, 1)
        return result

    return run


def time_shares(path, images, runs=3) -> dict[str, float]:
    """Measures which operators take the time of an OpenVINO file.

    Args:
        path: Path of the `.xml` file.
        images: Batch of one image, channels last.
        runs: Number of runs. Defaults to `3`.

    Returns:
        Dictionary from operator name to its share of the time, in [0, 1],
        largest first. OpenVINO may have merged operators before.
    """
    compiled, first = _compiled(path, PERF_COUNT=True)
    if first:
        images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    request = compiled.create_infer_request()
    durations = collections.Counter()
    for _ in range(runs):
        request.infer({"images": images})
        for node in request.profiling_info:
            durations[node.node_type] += node.real_time.total_seconds()
    total = durations.total()
    return {n: t / total for n, t in durations.most_common() if t}


def read_signature(path) -> Signature:
    """Reads the graph of an OpenVINO file.

    Args:
        path: Path of the `.xml` file; its `.bin` lies beside it.

    Returns:
        `Signature` of the graph.

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
        return TensorSpec(
            name, sizes(shape), dtype_name(port.element_type.to_dtype())
        )

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
        raise unreadable("OpenVINO file", error) from error
    return Signature(*ends, layout, coarsest(found))


def count_operators(path) -> dict[str, int]:
    """Counts the operators of an OpenVINO file.

    Args:
        path: Path of the `.xml` file.

    Returns:
        Dictionary from operator name to count, most frequent first.
    """
    layers = ElementTree.parse(path).iter("layer")
    counts = collections.Counter(layer.get("type") for layer in layers)
    for name in ("Const", "Parameter", "Result"):
        counts.pop(name, None)
    return by_count(counts)


def run_openvino(path, images) -> np.ndarray:
    """Runs images through an OpenVINO file, one by one.

    Args:
        path: Path of the `.xml` file; its `.bin` lies beside it.
        images: Array `(batch, height, width, channels)`, values 0..255.

    Returns:
        Array of logits `(batch, height, width, num_classes)`, or of class
        ids `(batch, height, width)`.
    """
    return run_all(open_openvino(path), images)


def told(error: BaseException) -> str:
    """Shortens the message of an exception of OpenVINO.

    Args:
        error: The exception.

    Returns:
        What it says without where in OpenVINO's code it was noticed, which
        helps nobody; or its first line where it says nothing else.
    """
    lines = [line.strip(" -") for line in str(error).splitlines()]
    lines = [x for x in lines if x and not x.startswith(_PLACES)]
    return " ".join(lines)[:_MAX_LENGTH] or first_line(error)


def _compiled(path, **settings):
    """The compiled file, and whether its channels come first."""
    openvino = require("openvino", "openvino")
    settings = {
        # Some processors would compute in bfloat16 unless told not to.
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": available_threads(),
        **settings,
    }
    try:
        with quiet():
            core = openvino.Core()
            model = core.read_model(str(path))
            compiled = core.compile_model(model, "CPU", settings)
    except Exception as error:
        raise ExportError(
            f"OpenVINO cannot load the exported file: {told(error)}"
        ) from error
    key = ["kerasseg", "layout"]
    first = model.has_rt_info(key) and model.get_rt_info(key).value == "NCHW"
    return compiled, first


def _known_name(port):
    """The project's name of a tensor, which may have further names."""
    for name in ("images", "logits", "mask"):
        if name in port.names:
            return name
    return next(iter(sorted(port.names)), "")
