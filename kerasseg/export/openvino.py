"""Export to OpenVINO."""

import dataclasses
from pathlib import Path

from kerasseg.export import ends
from kerasseg.export import operators
from kerasseg.export import runtimes
from kerasseg.export.errors import require
from kerasseg.export.onnx import ONNX
from kerasseg.export.onnx import onnx_packages
from kerasseg.export.onnx import write_onnx
from kerasseg.export.pipeline import Format
from kerasseg.export.pipeline import export
from kerasseg.export.report import ExportReport
from kerasseg.export.rounding import Conversion
from kerasseg.export.variant import Variant


def to_openvino(
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
) -> ExportReport:
    """Exports a model to OpenVINO and proves that it computes the same.

    Two files are written: the graph `path` and its weights, which have the
    same name and end with `.bin`. The input `images` is `float32`, RGB,
    0..255; the output is `logits`, `float32`, or `mask`. Both appear, with
    a sidecar `path.json`, only after OpenVINO has loaded them on the CPU and
    their results agree with the model's. The hash in the sidecar is that of
    the first file followed by the second.

    The graph is that of the ONNX file which `to_onnx` would write. In
    float16 the weights are stored in half precision, and OpenVINO makes
    `float32` of them as it loads the file: the file is half as large, and on
    the CPU every product is computed in float32. In int8 the convolutions
    compute with integers. The proof holds for the CPU; a GPU or an NPU
    chooses number formats of its own.

    Args:
        model: `keras.Model` from images to logits
            `(batch, height, width, num_classes)`.
        path: File to write, ending with `.xml`. Older files there are kept
            until the new ones are proven.
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

    Returns:
        An `ExportReport`.

    Raises:
        ValueError: If an argument cannot be honoured.
        ImportError: If openvino or what converts to ONNX is missing.
        ExportError: If the conversion fails or its result differs or loses
            too much.
    """
    modules, packages = onnx_packages()
    form = dataclasses.replace(
        OPENVINO,
        modules=(*modules, "openvino"),
        packages=(*packages, "openvino"),
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


def write_openvino(source, path) -> Conversion:
    """Converts the ONNX form of a model.

    Args:
        source: The `Source` to convert.
        path: File to write; its weights go beside it.

    Returns:
        What a `Conversion` tells of a file with integers.
    """
    openvino = require("openvino", "openvino")
    variant = source.variant
    compressed = variant.precision == "float16"
    if compressed:
        # The weights alone are rounded, by OpenVINO.
        variant = dataclasses.replace(variant, precision="float32")
        source = dataclasses.replace(source, variant=variant)
    graph = Path(path).with_suffix(".onnx")
    conversion = write_onnx(source, graph)
    model = openvino.Core().read_model(str(graph))
    model.set_rt_info(variant.layout, ["kerasseg", "layout"])
    openvino.save_model(model, str(path), compress_to_fp16=compressed)
    # OpenVINO is not compared with ONNX Runtime.
    return dataclasses.replace(conversion, float32=None)


OPENVINO = Format(
    name="openvino",
    suffix=".xml",
    extra="openvino",
    modules=("onnx", "openvino"),
    packages=("onnx", "openvino"),
    backends=ONNX.backends,
    convert=write_openvino,
    open=runtimes.open_openvino,
    operators=operators.openvino_operators,
    precisions=ONNX.precisions,
    layouts=ONNX.layouts,
    time_shares=runtimes.openvino_time_shares,
    ends=ends.openvino_ends,
)
