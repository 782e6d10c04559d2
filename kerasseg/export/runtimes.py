"""Each format opened in the runtime that its users have."""

import collections
import json
import os
from pathlib import Path

import numpy as np

from kerasseg.export.errors import ExportError
from kerasseg.export.errors import require
from kerasseg.export.quiet import quiet
from kerasseg.export.static import first_line


def available_threads() -> int:
    """Counts the cores that this process may use.

    Returns:
        Number of threads that the runtimes are given.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def open_saved_model(path):
    """Loads a SavedModel with TensorFlow alone, as a server does.

    Args:
        path: Folder of the SavedModel.

    Returns:
        Function from an image batch to logits or class ids, numpy arrays
        with channels last.

    Raises:
        ExportError: If TensorFlow cannot load or does not find the
            signature from `images` to `logits` or `mask`.
    """
    tf = require("tensorflow", "tensorflow")
    try:
        with quiet(), tf.device("cpu:0"):
            loaded = tf.saved_model.load(str(path))
            serve = loaded.signatures["serving_default"]
    except Exception as error:
        raise ExportError(_unloadable("TensorFlow", error)) from error
    output = _checked_ends(
        list(serve.structured_input_signature[1]),
        list(serve.structured_outputs),
    )

    def run(images, _keep_alive=loaded):
        with tf.device("cpu:0"):
            return serve(images=tf.constant(images))[output].numpy()

    return run


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
        raise ExportError(_unloadable("LiteRT", error)) from error

    inputs, outputs = serve.get_input_details(), serve.get_output_details()
    output = _checked_ends(list(inputs), list(outputs))

    def run(images):
        result = serve(images=_to_integers(images, inputs["images"]))[output]
        return (
            result if output == "mask" else _to_reals(result, outputs["logits"])
        )

    return run


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
    return _onnx_function(_onnx_session(path))


def onnx_time_shares(path, images, runs=3) -> dict[str, float]:
    """Measures which operators take the time of an ONNX file.

    Args:
        path: Path of the `.onnx` file.
        images: Batch of one image, channels last.
        runs: Number of runs. Defaults to `3`.

    Returns:
        Dictionary from operator name to its share of the time, in [0, 1],
        largest first. ONNX Runtime may have merged operators before.
    """
    session = _onnx_session(path, profile=Path(path).with_suffix(".profile"))
    run = _onnx_function(session)
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


def _onnx_session(path, profile=None):
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
        raise ExportError(_unloadable("ONNX Runtime", error)) from error


def _onnx_function(session):
    output = _checked_ends(
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
    compiled, first = _openvino_compiled(path)
    output = _checked_ends(
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


def openvino_time_shares(path, images, runs=3) -> dict[str, float]:
    """Measures which operators take the time of an OpenVINO file.

    Args:
        path: Path of the `.xml` file.
        images: Batch of one image, channels last.
        runs: Number of runs. Defaults to `3`.

    Returns:
        Dictionary from operator name to its share of the time, in [0, 1],
        largest first. OpenVINO may have merged operators before.
    """
    compiled, first = _openvino_compiled(path, PERF_COUNT=True)
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


def _openvino_compiled(path, **settings):
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
        raise ExportError(_unloadable("OpenVINO", error)) from error
    key = ["kerasseg", "layout"]
    first = model.has_rt_info(key) and model.get_rt_info(key).value == "NCHW"
    return compiled, first


def _known_name(port):
    """The project's name of a tensor, which may have further names."""
    for name in ("images", "logits", "mask"):
        if name in port.names:
            return name
    return next(iter(sorted(port.names)), "")


def litert_quantization(path) -> tuple[dict | None, dict | None]:
    """Reads how a LiteRT file turns pixels and logits into integers.

    Args:
        path: Path of the `.tflite` file.

    Returns:
        For input and output a dictionary with `scale` and `zero_point`,
        where `real = scale * (integer - zero_point)`, or `None` where the
        values are no quantised numbers.
    """
    litert = require("ai_edge_litert.interpreter", "litert")
    with quiet():
        serve = litert.Interpreter(model_path=str(path)).get_signature_runner(
            "serving_default"
        )
    ends = (serve.get_input_details(), serve.get_output_details())
    return tuple(_quantization(next(iter(end.values()))) for end in ends)


def run_saved_model(path, images) -> np.ndarray:
    """Runs images through a SavedModel, one by one.

    Args:
        path: Folder of the SavedModel.
        images: Array `(batch, height, width, channels)`, values 0..255.

    Returns:
        Array of logits `(batch, height, width, num_classes)`, or of class
        ids `(batch, height, width)`.
    """
    return _run_all(open_saved_model(path), images)


def run_litert(path, images) -> np.ndarray:
    """Runs images through a LiteRT file, one by one.

    Args:
        path: Path of the `.tflite` file.
        images: Array `(batch, height, width, channels)`, values 0..255.

    Returns:
        Array of logits `(batch, height, width, num_classes)`, or of class
        ids `(batch, height, width)`.
    """
    return _run_all(open_litert(path), images)


def run_onnx(path, images) -> np.ndarray:
    """Runs images through an ONNX file, one by one.

    Args:
        path: Path of the `.onnx` file.
        images: Array `(batch, height, width, channels)`, values 0..255.

    Returns:
        Array of logits `(batch, height, width, num_classes)`, or of class
        ids `(batch, height, width)`.
    """
    return _run_all(open_onnx(path), images)


def run_openvino(path, images) -> np.ndarray:
    """Runs images through an OpenVINO file, one by one.

    Args:
        path: Path of the `.xml` file; its `.bin` lies beside it.
        images: Array `(batch, height, width, channels)`, values 0..255.

    Returns:
        Array of logits `(batch, height, width, num_classes)`, or of class
        ids `(batch, height, width)`.
    """
    return _run_all(open_openvino(path), images)


def _run_all(run, images):
    images = np.asarray(images, "float32")
    return np.concatenate([run(image[None]) for image in images])


def _checked_ends(inputs, outputs):
    """Returns the name of the output, where both names are the project's."""
    if inputs == ["images"] and outputs in (["logits"], ["mask"]):
        return outputs[0]
    raise ExportError(
        f"The exported file must have the input images and the output "
        f"logits or mask. Found inputs {inputs} and outputs {outputs}."
    )


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


def _to_reals(values, details):
    form = _quantization(details)
    if form is None:
        return values
    shifted = values.astype("float32") - form["zero_point"]
    return np.float32(form["scale"]) * shifted


def _unloadable(runtime, error):
    return f"{runtime} cannot load the exported file: {first_line(error)}"
