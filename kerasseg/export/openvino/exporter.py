"""Export to OpenVINO."""

import dataclasses
from pathlib import Path

from kerasseg.export.arguments import explain_arguments
from kerasseg.export.errors import ExportError
from kerasseg.export.errors import require
from kerasseg.export.format import Format
from kerasseg.export.onnx.convert import write_onnx
from kerasseg.export.onnx.converters import onnx_packages
from kerasseg.export.openvino import runtime
from kerasseg.export.openvino.shuffles import split_shuffles
from kerasseg.export.options import ExportOptions
from kerasseg.export.pipeline import export
from kerasseg.export.quantization import Conversion
from kerasseg.export.report import ExportReport
from kerasseg.formats import INTEGERS


class OpenVINOFormat(Format):
    """An OpenVINO file, made from ONNX and run on the CPU in float32."""

    name = "openvino"

    @property
    def modules(self):
        return (*onnx_packages()[0], "openvino")

    @property
    def packages(self):
        return (*onnx_packages()[1], "openvino")

    def convert(self, frozen, path):
        return write_openvino(frozen, path)

    def open(self, path):
        return runtime.open_openvino(path)

    def operators(self, path):
        return runtime.count_operators(path)

    def signature(self, path):
        return runtime.read_signature(path)

    def time_shares(self, path, images):
        return runtime.time_shares(path, images)


def write_openvino(frozen, path) -> Conversion:
    """Converts the ONNX form of a model.

    Args:
        frozen: The `FrozenModel` to convert.
        path: File to write; its weights go beside it.

    Returns:
        What a `Conversion` tells of a file with integers.
    """
    openvino = require("openvino", "openvino")
    options = frozen.options
    compressed = options.precision == "float16"
    if compressed:
        # The weights alone are quantized, by OpenVINO.
        options = dataclasses.replace(options, precision="float32")
        frozen = dataclasses.replace(frozen, options=options)
    graph = Path(path).with_suffix(".onnx")
    conversion = write_onnx(frozen, graph)
    if options.precision in INTEGERS:
        _split_shuffles(graph)
    model = _read(openvino, graph)
    model.set_rt_info(options.layout, ["kerasseg", "layout"])
    openvino.save_model(model, str(path), compress_to_fp16=compressed)
    # OpenVINO is not compared with ONNX Runtime.
    return dataclasses.replace(conversion, float32=None)


def _split_shuffles(path):
    import onnx

    proto = onnx.load(str(path))
    split_shuffles(proto)
    onnx.save_model(proto, str(path))


def _read(openvino, graph):
    try:
        return openvino.Core().read_model(str(graph))
    except Exception as error:
        raise ExportError(
            f"OpenVINO does not take the graph of the ONNX file: "
            f"{runtime.told(error)}"
        ) from error


FORMAT = OpenVINOFormat()


@explain_arguments
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
    channels=None,
) -> ExportReport:
    """Exports a model to OpenVINO and verifies that it computes the same.

    Two files are written: the graph `path` and its weights, which have the
    same name and end with `.bin`. The input `images` is `float32`, RGB,
    0..255; the output is `logits`, `float32`, or `mask`. Both appear, with
    a sidecar `path.json`, only after OpenVINO has loaded them on the CPU and
    their results agree with the model's. The hash in the sidecar is that of
    the first file followed by the second.

    The graph is that of the ONNX file which `to_onnx` would write, in int8
    and mixed with each `DepthToSpace` written as what moves its values. In
    float16 the weights are stored in half precision, and OpenVINO makes
    `float32` of them as it loads the file: the file is half as large, and on
    the CPU every product is computed in float32. In int8 the convolutions
    compute with integers. The proof holds for the CPU; a GPU or an NPU
    chooses number formats of its own.

    Args:
        {{model}}
        path: File to write, ending with `.xml`. Older files there are kept
            until the new ones are verified.
        {{image_shape}}
        {{precision}}
        {{calibration}}
        {{gate}}
        {{output}}
        {{layout}}
        {{verify_on}}
        {{labels}}
        {{channels}}

    Returns:
        An `ExportReport`.

    Raises:
        ValueError: If an argument cannot be honored.
        ImportError: If openvino or what converts to ONNX is missing.
        ExportError: If the conversion fails or its result differs or loses
            too much.
    """
    options = ExportOptions(
        precision=precision,
        output=output,
        layout=layout,
        calibration=calibration,
        gate=gate,
        channels=channels,
    )
    return export(FORMAT, model, path, options, image_shape, verify_on, labels)
