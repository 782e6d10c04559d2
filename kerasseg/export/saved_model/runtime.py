"""A SavedModel in TensorFlow: opened, run and read."""

import collections
from pathlib import Path

import numpy as np

from kerasseg.export.errors import require
from kerasseg.export.format import by_count
from kerasseg.export.runtime import checked_output
from kerasseg.export.runtime import run_all
from kerasseg.export.runtime import unloadable
from kerasseg.export.signature import Signature
from kerasseg.export.signature import TensorSpec
from kerasseg.export.signature import sizes
from kerasseg.export.signature import unreadable
from kerasseg.export.workarounds import quiet


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
        raise unloadable("TensorFlow", error) from error
    output = checked_output(
        list(serve.structured_input_signature[1]),
        list(serve.structured_outputs),
    )

    def run(images, _keep_alive=loaded):
        with tf.device("cpu:0"):
            return serve(images=tf.constant(images))[output].numpy()

    return run


def read_signature(path) -> Signature:
    """Reads the signature `serving_default` of a SavedModel.

    Args:
        path: Folder of the SavedModel.

    Returns:
        `Signature` of the signature.

    Raises:
        ExportError: If it cannot be read.
    """
    require("tensorflow", "tensorflow")
    import tensorflow as tf
    from tensorflow.core.protobuf import saved_model_pb2

    def end(tensors):
        ((name, info),) = tensors.items()
        shape = [axis.size for axis in info.tensor_shape.dim]
        return TensorSpec(name, sizes(shape), tf.as_dtype(info.dtype).name)

    proto = saved_model_pb2.SavedModel()
    try:
        proto.ParseFromString((Path(path) / "saved_model.pb").read_bytes())
        serve = proto.meta_graphs[0].signature_def["serving_default"]
        return Signature(
            end(serve.inputs), end(serve.outputs), "NHWC", "float32"
        )
    except Exception as error:
        raise unreadable("SavedModel", error) from error


def count_operators(path) -> dict[str, int]:
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
    return by_count(counts)


def run_saved_model(path, images) -> np.ndarray:
    """Runs images through a SavedModel, one by one.

    Args:
        path: Folder of the SavedModel.
        images: Array `(batch, height, width, channels)`, values 0..255.

    Returns:
        Array of logits `(batch, height, width, num_classes)`, or of class
        ids `(batch, height, width)`.
    """
    return run_all(open_saved_model(path), images)
