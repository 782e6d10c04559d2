"""Export to ONNX."""

import dataclasses
import functools
import math
from pathlib import Path

import keras

from kerasseg.export import ends
from kerasseg.export import onnx_graph
from kerasseg.export import onnx_rounding
from kerasseg.export import operators
from kerasseg.export import runtimes
from kerasseg.export.errors import require
from kerasseg.export.pipeline import Format
from kerasseg.export.pipeline import export
from kerasseg.export.quiet import quiet
from kerasseg.export.report import ExportReport
from kerasseg.export.rounding import Conversion
from kerasseg.export.variant import ROUNDED
from kerasseg.export.variant import Variant

DEFAULT_OPSET = 18
MIN_OPSET = 13


def to_onnx(
    model,
    path,
    *,
    image_shape=None,
    precision="float32",
    calibration=None,
    gate=None,
    output="logits",
    layout="NHWC",
    verify_on=None,
    labels=None,
    opset=DEFAULT_OPSET,
) -> ExportReport:
    """Exports a model to ONNX and proves that it computes the same.

    The file holds standard ONNX operators only. Its input `images` is
    `float32`, RGB, 0..255; its output is `logits`, `float32`, or `mask`. It
    appears at `path`, with a sidecar `path.json`, only after ONNX Runtime
    has loaded it and its results agree with the model's.

    In float16 every tensor between input and output is typed as half
    precision. In int8 `QuantizeLinear` and `DequantizeLinear` state the
    scales, one for each filter of a convolution and `uint8` activations. In
    mixed precision the layers that lose most by rounding, measured on two of
    the calibration images, and the last one have none.

    On the TensorFlow backend tf2onnx converts; on JAX and PyTorch Keras' own
    exporter does, which on JAX needs the package jax2onnx.

    Args:
        model: `keras.Model` from images to logits
            `(batch, height, width, num_classes)`.
        path: File to write, ending with `.onnx`. An older file there is kept
            until the new one is proven.
        image_shape: `(height, width)` or `(height, width, channels)` of the
            input. Defaults to the shape that the model was built for.
        precision: `"float32"`, `"float16"`, `"int8"` or `"mixed"`. Defaults
            to `"float32"`.
        calibration: For `"int8"` and `"mixed"`, a data set or a sequence of
            images, `(image, mask)` pairs or paths, like those that the file
            will see; up to 16 are used. Arrays must have the size of the
            input. Defaults to `None`.
        gate: `kerasseg.export.Gate` with the loss that rounding to
            `"float16"`, `"int8"` or `"mixed"` may cause. Defaults to one
            point of mean IoU, or 98 % mask agreement without masks.
        output: `"logits"`, or `"mask"` for class ids `(1, height, width)`,
            `uint8`, or `"coarse_mask"` for class ids that were chosen before
            the last upsampling: pixels share them in cells. Its loss is
            measured and has to pass `gate`. Defaults to `"logits"`.
        layout: `"NHWC"` or `"NCHW"` of input and logits. Defaults to
            `"NHWC"`.
        verify_on: Images for the proof: a data set or a sequence of images,
            `(image, mask)` pairs or paths, channels last whatever the
            layout. Defaults to some of the calibration images, or else to
            seeded random images.
        labels: `kerasseg.data.Labels` for the sidecar. Defaults to those of
            `verify_on` or `calibration`, where they have any.
        opset: Version of ONNX's operator set, 13 or more. Defaults to `18`.

    Returns:
        An `ExportReport`.

    Raises:
        ValueError: If an argument cannot be honoured.
        ImportError: If onnx, onnxruntime or the converter is missing.
        ExportError: If the conversion fails, needs operators that ONNX does
            not have, or its result differs or loses too much.
    """
    check_opset(opset)
    modules, packages = onnx_packages()
    form = dataclasses.replace(
        ONNX,
        modules=modules,
        packages=packages,
        convert=functools.partial(write_onnx, opset=opset),
    )
    return export(
        form,
        model,
        path,
        image_shape=image_shape,
        variant=Variant(
            precision=precision,
            output=output,
            layout=layout,
            calibration=calibration,
            gate=gate,
        ),
        verify_on=verify_on,
        labels=labels,
    )


def onnx_packages() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names what takes part in a conversion on the current backend.

    Returns:
        Names of the modules that are imported, and of the packages whose
        versions the report states.
    """
    modules = ("onnx", "onnxruntime", *_converters())
    return modules, (*modules, _backend())


def write_onnx(
    source, path, opset=DEFAULT_OPSET, symmetric=False
) -> Conversion:
    """Converts the model with the exporter of the current backend.

    Args:
        source: The `Source` to convert.
        path: File to write.
        opset: Version of ONNX's operator set. Defaults to `18`.
        symmetric: Whether all zero points of an int8 file are zero. Defaults
            to `False`.

    Returns:
        What a `Conversion` tells of a file with integers.

    Raises:
        ExportError: If the graph holds operators outside the standard.
    """
    import onnx

    if _backend() == "tensorflow":
        proto = _from_tensorflow(source, opset)
    else:
        proto = _from_keras(source, path, opset)
    onnx_graph.refuse_foreign(proto)
    onnx_graph.name_ends(proto.graph, source.variant.output)
    if source.variant.precision == "float16":
        proto = onnx_rounding.to_float16(proto, path)
    conversion = Conversion()
    if source.variant.precision in ROUNDED:
        plain = Path(path).with_name("float32.onnx")
        _save(proto, source, plain, opset)
        proto, conversion = onnx_rounding.to_int8(
            proto, source, path, symmetric
        )
        conversion = dataclasses.replace(conversion, float32=plain)
    _save(proto, source, path, opset)
    return conversion


def _save(proto, source, path, opset):
    import onnx

    onnx_graph.refuse_foreign(proto)
    del proto.opset_import[:]
    proto.opset_import.append(onnx.helper.make_opsetid("", opset))
    onnx.helper.set_model_props(proto, {"layout": source.variant.layout})
    onnx.checker.check_model(proto, full_check=True)
    onnx.save_model(proto, str(path))


def check_opset(opset) -> None:
    """Refuses versions of the operator set that cannot be written.

    Args:
        opset: What the user gave.

    Raises:
        ValueError: If it is no version that the converter knows.
    """
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

    spec = keras.InputSpec(
        shape=source.file_shape, dtype="float32", name="images"
    )
    source.wrapped().export(
        str(path),
        format="onnx",
        verbose=False,
        input_signature=[spec],
        opset_version=opset,
    )
    return onnx.load(str(path))


ONNX = Format(
    name="onnx",
    suffix=".onnx",
    extra="onnx",
    modules=("onnx", "onnxruntime"),
    packages=("onnx", "onnxruntime"),
    backends=("tensorflow", "torch", "jax"),
    convert=write_onnx,
    open=runtimes.open_onnx,
    operators=operators.onnx_operators,
    precisions={
        "float32": ("float32",),
        "float16": ("float32",),
        "int8": ("float32",),
        "mixed": ("float32",),
    },
    layouts=("NHWC", "NCHW"),
    time_shares=runtimes.onnx_time_shares,
    ends=ends.onnx_ends,
)
