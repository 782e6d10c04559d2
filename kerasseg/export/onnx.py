"""Export to ONNX."""

import dataclasses
import functools
import logging
import math
import os
from pathlib import Path

import keras

from kerasseg.export import ends
from kerasseg.export import onnx_graph
from kerasseg.export import onnx_rounding
from kerasseg.export import operators
from kerasseg.export import runtimes
from kerasseg.export.errors import ExportError
from kerasseg.export.errors import require
from kerasseg.export.other_backend import EXPORTERS
from kerasseg.export.other_backend import check_exporter
from kerasseg.export.other_backend import convert_on_other_backend
from kerasseg.export.pipeline import Format
from kerasseg.export.pipeline import export
from kerasseg.export.quiet import quiet
from kerasseg.export.report import ExportReport
from kerasseg.export.rounding import Conversion
from kerasseg.export.variant import ROUNDED
from kerasseg.export.variant import Variant

DEFAULT_OPSET = 18
MIN_OPSET = 13
# A setting of tf2onnx.
CATCH_ERRORS = "TF2ONNX_CATCH_ERRORS"

_logger = logging.getLogger("kerasseg.export")


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
    exporter=None,
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
    exporter does, which on JAX needs the package jax2onnx and on PyTorch
    onnxscript. Another backend's exporter converts in a process of its own,
    from a copy of the model; its file passes the same proof. Layers of your
    own must be in a module that this process can import.

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
        exporter: `"tf2onnx"` or `"torch"`. Defaults to `None`: that of the
            current backend.

    Returns:
        An `ExportReport`.

    Raises:
        ValueError: If an argument cannot be honoured.
        ImportError: If onnx, onnxruntime or the converter is missing.
        ExportError: If the conversion fails, needs operators that ONNX does
            not have, or its result differs or loses too much.
    """
    check_exporter(exporter)
    check_opset(opset, exporter)
    modules, packages = onnx_packages(exporter)
    form = dataclasses.replace(
        ONNX,
        modules=modules,
        packages=packages,
        convert=functools.partial(write_onnx, opset=opset, exporter=exporter),
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


def onnx_packages(exporter=None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names what takes part in a conversion.

    Args:
        exporter: Name of the exporter. Defaults to `None`: that of the
            current backend.

    Returns:
        Names of the modules that this process imports, and of the packages
        whose versions the report states.
    """
    backend, needed, packages, _ = EXPORTERS[check_exporter(exporter)]
    modules = ("onnx", "onnxruntime")
    if backend == _backend():
        return (*modules, *needed), (*modules, *packages)
    # What converts in another process is not imported here.
    return modules, (*modules, *packages, _backend())


def write_onnx(
    source, path, opset=DEFAULT_OPSET, symmetric=False, exporter=None
) -> Conversion:
    """Converts the model to standard operators in the precision that it asks.

    Args:
        source: The `Source` to convert.
        path: File to write.
        opset: Version of ONNX's operator set. Defaults to `18`.
        symmetric: Whether all zero points of an int8 file are zero. Defaults
            to `False`.
        exporter: Name of the exporter. Defaults to `None`: that of the
            current backend.

    Returns:
        What a `Conversion` tells of a file with integers.

    Raises:
        ExportError: If the graph holds operators outside the standard.
    """
    import onnx

    converter = check_exporter(exporter)
    raw = Path(path).with_suffix(".raw.onnx")
    if EXPORTERS[converter][0] == _backend():
        write_raw(source, raw, opset)
    else:
        convert_on_other_backend(source, raw, opset, converter)
    proto = onnx.load(str(raw))
    onnx_graph.refuse_foreign(proto)
    _check_written(proto, opset, converter)
    if converter != "tf2onnx":
        proto = onnx_graph.folded(proto, path)
    onnx_graph.name_ends(proto.graph, source.variant.output)
    onnx_graph.repeat_plainly(proto.graph)
    onnx_graph.drop_regions(proto.graph)
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


def write_raw(source, path, opset) -> None:
    """Converts the model with the exporter of the current backend, as it is.

    Args:
        source: The `Source` to convert.
        path: File to write.
        opset: Version of ONNX's operator set.
    """
    if _backend() == "tensorflow":
        _write_from_tensorflow(source, path, opset)
    else:
        _write_from_keras(source, path, opset)


def check_opset(opset, exporter=None) -> None:
    """Refuses versions of the operator set that cannot be written.

    Args:
        opset: What the user gave.
        exporter: Name of the exporter. Defaults to `None`: that of the
            current backend.

    Raises:
        ValueError: If it is no version that the converter knows.
    """
    highest = math.inf
    if check_exporter(exporter) == "tf2onnx":
        with quiet():
            tf2onnx = require("tf2onnx", "onnx")
        highest = max(tf2onnx.constants.OPSET_TO_IR_VERSION)
    valid = isinstance(opset, int) and MIN_OPSET <= opset <= highest
    if not valid:
        raise ValueError(
            f"`opset` must be an integer from {MIN_OPSET} to {highest}, the "
            f"highest that the converter knows. Received: opset={opset!r}"
        )


def _check_written(proto, opset, exporter):
    (written,) = {o.version for o in proto.opset_import if not o.domain}
    if written != opset:
        raise ExportError(
            f"The exporter {exporter!r} wrote operator set {written} where "
            f"{opset} was asked for. Ask for {written}, or take another "
            f"exporter."
        )


def _backend():
    return keras.backend.backend()


def _write_from_tensorflow(source, path, opset):
    import onnx
    import tf2onnx

    traced = source.trace_for("onnx")

    def convert():
        proto, _ = tf2onnx.convert.from_function(
            traced,
            input_signature=traced.input_signature,
            opset=opset,
        )
        onnx_graph.embed(proto.graph, source.constants())
        onnx.save(proto, str(path))

    # Unless told otherwise, tf2onnx copies the graph before each optimiser, in
    # case it fails. That is half of the time, and they hardly ever do.
    told = CATCH_ERRORS in os.environ
    os.environ.setdefault(CATCH_ERRORS, "FALSE")
    try:
        convert()
    except Exception as error:
        if told:
            raise
        _logger.debug("again, with copies of the graph: %s", error)
        del os.environ[CATCH_ERRORS]
        convert()
    finally:
        if not told:
            os.environ.pop(CATCH_ERRORS, None)


def _write_from_keras(source, path, opset):
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
