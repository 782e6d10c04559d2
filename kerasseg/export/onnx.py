"""Export to ONNX."""

import dataclasses
import functools
import math

import keras

from kerasseg.export import runtimes
from kerasseg.export.errors import ExportError
from kerasseg.export.errors import require
from kerasseg.export.pipeline import Format
from kerasseg.export.pipeline import export
from kerasseg.export.quiet import quiet
from kerasseg.export.report import ExportReport

DEFAULT_OPSET = 18
MIN_OPSET = 13
STANDARD_DOMAINS = ("", "ai.onnx")


def to_onnx(
    model,
    path,
    *,
    image_shape=None,
    precision="float32",
    output="logits",
    verify_on=None,
    labels=None,
    opset=DEFAULT_OPSET,
) -> ExportReport:
    """Exports a model to ONNX and proves that it computes the same.

    The file holds standard ONNX operators only. Its input `images` is
    `(1, height, width, channels)`, `float32`, RGB, 0..255; its output is
    `logits`. It appears at `path`, with a sidecar `path.json`, only after
    ONNX Runtime has loaded it and its logits agree with the model's.

    On the TensorFlow backend tf2onnx converts; on JAX and PyTorch Keras' own
    exporter does, which on JAX needs the package jax2onnx.

    Args:
        model: `keras.Model` from images to logits
            `(batch, height, width, num_classes)`.
        path: File to write, ending with `.onnx`. An older file there is kept
            until the new one is proven.
        image_shape: `(height, width)` or `(height, width, channels)` of the
            input. Defaults to the shape that the model was built for.
        precision: `"float32"`. Defaults to `"float32"`.
        output: `"logits"`. Defaults to `"logits"`.
        verify_on: Images for the proof: a data set or a sequence of images,
            `(image, mask)` pairs or paths. Defaults to seeded random images.
        labels: `kerasseg.data.Labels` for the sidecar. Defaults to those of
            `verify_on`, where it has any.
        opset: Version of ONNX's operator set, 13 or more. Defaults to `18`.

    Returns:
        An `ExportReport`.

    Raises:
        ValueError: If an argument cannot be honoured.
        ImportError: If onnx, onnxruntime or the converter is missing.
        ExportError: If the conversion fails, needs operators that ONNX does
            not have, or its result differs.
    """
    _check_opset(opset)
    form = dataclasses.replace(
        ONNX,
        modules=("onnx", "onnxruntime", *_converters()),
        packages=("onnx", "onnxruntime", *_converters(), _backend()),
        convert=functools.partial(write_onnx, opset=opset),
    )
    return export(
        form,
        model,
        path,
        image_shape=image_shape,
        precision=precision,
        output=output,
        verify_on=verify_on,
        labels=labels,
    )


def write_onnx(source, path, opset=DEFAULT_OPSET) -> None:
    """Converts the model with the exporter of the current backend.

    Args:
        source: The `Source` to convert.
        path: File to write.
        opset: Version of ONNX's operator set. Defaults to `18`.

    Raises:
        ExportError: If the graph holds operators outside the standard.
    """
    import onnx

    if _backend() == "tensorflow":
        proto = _from_tensorflow(source, opset)
    else:
        proto = _from_keras(source, path, opset)
    _refuse_foreign(proto)
    _name_ends(proto.graph)
    del proto.opset_import[:]
    proto.opset_import.append(onnx.helper.make_opsetid("", opset))
    onnx.checker.check_model(proto, full_check=True)
    onnx.save_model(proto, str(path))


def _check_opset(opset):
    highest = math.inf
    if _backend() == "tensorflow":
        with quiet():
            tf2onnx = require("tf2onnx", "onnx")
        highest = max(tf2onnx.constants.OPSET_TO_IR_VERSION)
    valid = isinstance(opset, int) and MIN_OPSET <= opset <= highest
    if not valid:
        raise ValueError(
            f"`opset` must be an integer from {MIN_OPSET} to {highest}, the "
            f"highest that the converter knows. Received: opset={opset!r}"
        )


def _converters():
    converters = {"tensorflow": ("tf2onnx",), "jax": ("jax2onnx",)}
    return converters.get(_backend(), ())


def _backend():
    return keras.backend.backend()


def _from_tensorflow(source, opset):
    import tf2onnx

    proto, _ = tf2onnx.convert.from_function(
        source.traced,
        input_signature=source.traced.input_signature,
        opset=opset,
    )
    return proto


def _from_keras(source, path, opset):
    import onnx

    source.model.export(
        str(path),
        format="onnx",
        verbose=False,
        input_signature=[
            keras.InputSpec(shape=source.shape, dtype="float32", name="images")
        ],
        opset_version=opset,
    )
    return onnx.load(str(path))


def _refuse_foreign(proto):
    foreign = sorted(
        {
            f"{node.domain or 'standard'}:{node.op_type}"
            for node in proto.graph.node
            if node.domain not in STANDARD_DOMAINS
            or not _is_standard(node.op_type)
        }
    )
    if foreign:
        raise ExportError(
            f"The ONNX graph holds operators that no runtime knows: "
            f"{', '.join(foreign)}. Grouped convolutions end like this (use "
            f"depthwise ones)."
        )


def _is_standard(op_type):
    import onnx

    return onnx.defs.has(op_type)


def _name_ends(graph):
    """Calls the input `images` and the output `logits`."""
    if len(graph.input) != 1 or len(graph.output) != 1:
        raise ExportError(
            f"The ONNX graph must have one input and one output. Found "
            f"{len(graph.input)} and {len(graph.output)}."
        )
    names = {graph.input[0].name: "images", graph.output[0].name: "logits"}
    for node in graph.node:
        for tensors in (node.input, node.output):
            for index, name in enumerate(tensors):
                tensors[index] = names.get(name, name)
    graph.input[0].name = "images"
    graph.output[0].name = "logits"


ONNX = Format(
    name="onnx",
    suffix=".onnx",
    extra="onnx",
    modules=("onnx", "onnxruntime"),
    packages=("onnx", "onnxruntime"),
    backends=("tensorflow", "torch", "jax"),
    convert=write_onnx,
    open=runtimes.open_onnx,
    operators=runtimes.onnx_operators,
)
