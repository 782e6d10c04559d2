"""Each format opened in the runtime that its users have."""

import collections
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
        Function from an image batch to logits, both numpy arrays.

    Raises:
        ExportError: If TensorFlow cannot load or does not find the
            signature from `images` to `logits`.
    """
    tf = require("tensorflow", "tensorflow")
    try:
        with quiet(), tf.device("cpu:0"):
            loaded = tf.saved_model.load(str(path))
            serve = loaded.signatures["serving_default"]
    except Exception as error:
        raise ExportError(_unloadable("TensorFlow", error)) from error

    def run(images, _keep_alive=loaded):
        with tf.device("cpu:0"):
            return serve(images=tf.constant(images))["logits"].numpy()

    return run


def open_litert(path):
    """Loads a LiteRT file in the plain interpreter, without Flex operators.

    Args:
        path: Path of the `.tflite` file.

    Returns:
        Function from an image batch to logits, both numpy arrays.

    Raises:
        ExportError: If the interpreter refuses the file or does not find
            the signature from `images` to `logits`.
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

    def run(images):
        return serve(images=images)["logits"]

    return run


def open_onnx(path):
    """Loads an ONNX file in ONNX Runtime on the CPU.

    Args:
        path: Path of the `.onnx` file.

    Returns:
        Function from an image batch to logits, both numpy arrays.

    Raises:
        ExportError: If ONNX Runtime refuses the file or its input and output
            are not `images` and `logits`.
    """
    onnxruntime = require("onnxruntime", "onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = available_threads()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        raise ExportError(_unloadable("ONNX Runtime", error)) from error
    found = [[t.name for t in session.get_inputs()]]
    found += [[t.name for t in session.get_outputs()]]
    if found != [["images"], ["logits"]]:
        raise ExportError(
            f"The ONNX file must have the input images and the output "
            f"logits. Found inputs {found[0]} and outputs {found[1]}."
        )

    def run(images):
        return session.run(["logits"], {"images": images})[0]

    return run


def run_saved_model(path, images) -> np.ndarray:
    """Runs images through a SavedModel, one by one.

    Args:
        path: Folder of the SavedModel.
        images: Array `(batch, height, width, channels)`, values 0..255.

    Returns:
        Array of logits `(batch, height, width, num_classes)`.
    """
    return _run_all(open_saved_model(path), images)


def run_litert(path, images) -> np.ndarray:
    """Runs images through a LiteRT file, one by one.

    Args:
        path: Path of the `.tflite` file.
        images: Array `(batch, height, width, channels)`, values 0..255.

    Returns:
        Array of logits `(batch, height, width, num_classes)`.
    """
    return _run_all(open_litert(path), images)


def run_onnx(path, images) -> np.ndarray:
    """Runs images through an ONNX file, one by one.

    Args:
        path: Path of the `.onnx` file.
        images: Array `(batch, height, width, channels)`, values 0..255.

    Returns:
        Array of logits `(batch, height, width, num_classes)`.
    """
    return _run_all(open_onnx(path), images)


def saved_model_operators(path) -> dict[str, int]:
    """Counts the operators that the serving function of a SavedModel runs.

    Args:
        path: Folder of the SavedModel.

    Returns:
        Dictionary from operator name to count, most frequent first.
    """
    from tensorflow.core.protobuf import saved_model_pb2

    proto = saved_model_pb2.SavedModel()
    proto.ParseFromString((Path(path) / "saved_model.pb").read_bytes())
    counts = collections.Counter()
    graph = proto.meta_graphs[0].graph_def
    # The outer graph saves and restores variables; the model is a function.
    served = [f for f in graph.library.function if "serve" in f.signature.name]
    for function in served:
        counts.update(node.op for node in function.node_def)
    if len(served) > 1:
        inner = max(served, key=lambda f: len(f.node_def))
        counts = collections.Counter(node.op for node in inner.node_def)
    for name in ("NoOp", "Identity", "Const", "ReadVariableOp"):
        counts.pop(name, None)
    return _ordered(counts)


def litert_operators(path) -> dict[str, int]:
    """Counts the operators of a LiteRT file.

    Args:
        path: Path of the `.tflite` file.

    Returns:
        Dictionary from operator name to count, most frequent first. Custom
        and Flex operators carry the name that the file gives them.
    """
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
    counts = collections.Counter()
    for index in range(model.SubgraphsLength()):
        graph = model.Subgraphs(index)
        counts.update(
            codes[graph.Operators(i).OpcodeIndex()]
            for i in range(graph.OperatorsLength())
        )
    return _ordered(counts)


def litert_custom_operators(path) -> list[str]:
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


def onnx_operators(path) -> dict[str, int]:
    """Counts the operators of an ONNX file.

    Args:
        path: Path of the `.onnx` file.

    Returns:
        Dictionary from operator name to count, most frequent first.
    """
    onnx = require("onnx", "onnx")
    graph = onnx.load(str(path)).graph
    return _ordered(collections.Counter(node.op_type for node in graph.node))


def _ordered(counts):
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _run_all(run, images):
    images = np.asarray(images, "float32")
    return np.concatenate([run(image[None]) for image in images])


def _unloadable(runtime, error):
    return f"{runtime} cannot load the exported file: {first_line(error)}"
