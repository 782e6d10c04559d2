"""An ONNX file as the exporter of the current backend writes it."""

import logging

import keras

from kerasseg.export.model.trace import Trace
from kerasseg.export.onnx import graph as graphs
from kerasseg.export.onnx.rewriters import REWRITERS
from kerasseg.export.workarounds import graph_copies

_logger = logging.getLogger("kerasseg.export")


def write_raw(frozen, path, opset) -> None:
    """Converts the model with the exporter of the current backend, as it is.

    Args:
        frozen: The `FrozenModel` to convert.
        path: File to write.
        opset: Version of ONNX's operator set.
    """
    if keras.backend.backend() == "tensorflow":
        _write_from_tensorflow(frozen, path, opset)
    else:
        _write_from_keras(frozen, path, opset)


def _write_from_tensorflow(frozen, path, opset):
    import onnx
    import tf2onnx

    trace = Trace(frozen, "onnx")
    traced = trace.function

    def convert():
        proto, _ = tf2onnx.convert.from_function(
            traced,
            input_signature=traced.input_signature,
            opset=opset,
            custom_rewriter=REWRITERS,
        )
        graphs.embed(proto.graph, trace.constants())
        onnx.save(proto, str(path))

    try:
        with graph_copies(kept=False):
            convert()
    except Exception as error:
        # With the copies, tf2onnx does without an optimizer that fails.
        _logger.debug("again, with copies of the graph: %s", error)
        with graph_copies(kept=True):
            convert()


def _write_from_keras(frozen, path, opset):
    spec = keras.InputSpec(
        shape=frozen.file_shape, dtype="float32", name="images"
    )
    frozen.wrapped().export(
        str(path),
        format="onnx",
        verbose=False,
        input_signature=[spec],
        opset_version=opset,
    )
