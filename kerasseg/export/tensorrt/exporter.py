"""Export to TensorRT: a checked ONNX file, and the engine where one can be.

Building and running engines is untested on a GPU: the tests run it against a
stand-in for TensorRT.
"""

import dataclasses
import importlib.util
import shlex

from kerasseg.export.arguments import explain_arguments
from kerasseg.export.errors import require
from kerasseg.export.files import checked_path
from kerasseg.export.format import Format
from kerasseg.export.onnx.converters import DEFAULT_OPSET
from kerasseg.export.onnx.converters import check_opset
from kerasseg.export.onnx.exporter import OnnxFormat
from kerasseg.export.options import ExportOptions
from kerasseg.export.pipeline import export
from kerasseg.export.report import ExportReport
from kerasseg.export.tensorrt.check import check_for_tensorrt
from kerasseg.export.tensorrt.engine import BUILDER_FLAGS
from kerasseg.export.tensorrt.engine import build_engine
from kerasseg.export.tensorrt.engine import open_tensorrt
from kerasseg.export.tensorrt_rtx import library
from kerasseg.export.tensorrt_rtx.judge import judge

UNTESTED = "Engines are untested on a GPU in this release."


class OnnxForTensorRT(OnnxFormat):
    """An ONNX file that TensorRT takes: zero points are zero.

    Args:
        opset: Version of ONNX's operator set. Defaults to `18`.
    """

    def __init__(self, opset=DEFAULT_OPSET):
        super().__init__(opset, symmetric=True)
        self._judged = ""

    def convert(self, frozen, path):
        conversion = super().convert(frozen, path)
        self._judged = judged(path, frozen.layer_names)
        return conversion

    def extra_signatures(self, path, images):
        del path, images
        return {}, (self._judged,)


class TensorRTFormat(Format):
    """An engine, built from an ONNX file for the GPU of this machine.

    Args:
        graph: Path of the ONNX file, or `None` for an engine that exists.
            Defaults to `None`.
    """

    name = "tensorrt"

    def __init__(self, graph=None):
        super().__init__()
        self.graph = graph

    def convert(self, frozen, path):
        build_engine(frozen, path, self.graph)

    def open(self, path):
        return open_tensorrt(path)

    def operators(self, path):
        del path
        return {}  # An engine names no operators of ONNX.


FORMAT = TensorRTFormat()


@explain_arguments
def to_tensorrt(
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
    opset=DEFAULT_OPSET,
) -> ExportReport:
    """Exports a model to ONNX for TensorRT, and builds the engine.

    First an ONNX file is written beside `path`, with the end `.onnx`: verified
    in ONNX Runtime, in the number format that TensorRT shall compute in. With
    the extra `kerasseg[tensorrt-rtx]`, on x86-64 Linux, NVIDIA's own parser
    and builder make an engine of it, without a GPU, in a process of its own;
    what they refuse is not written. Elsewhere its operators, attributes and
    number formats are compared with a list of those that this builder took.

    In int8 the inputs and weights of convolutions and matrix products are
    integers whose zero points are zero, as TensorRT wants them; everything
    else is float32, and so are depthwise convolutions, for which TensorRT
    stores kilobytes a channel in int8.

    Where the package `tensorrt` is installed the engine is built for the GPU
    of this machine, run, compared with the model, and only then appears at
    `path`. TensorRT 10 is given the builder flags of the precision, TensorRT
    11 takes it from the ONNX file. Where the package is not installed the
    notes of the report state the command `trtexec` that builds the engine.

    **Building and running engines is untested on a GPU.** The tests use a
    stand-in for TensorRT; what was tested is the ONNX file.

    Args:
        {{model}}
        path: File of the engine, ending with `.engine`.
        {{image_shape}}
        {{precision}}
        {{calibration}}
        {{gate}}
        {{output}}
        {{layout}}
        {{verify_on}}
        {{labels}}
        {{channels}}
        {{opset}}

    Returns:
        The `ExportReport` of the engine, or, where none was built, of the
        ONNX file.

    Raises:
        ValueError: If an argument cannot be honored.
        ImportError: If onnx, onnxruntime or the converter is missing, or
            what runs the engine that would be built.
        ExportError: If the conversion fails, if TensorRT does not take the
            graph, or if a result differs or loses too much. An ONNX file
            that is verified stays where the engine fails.
    """
    check_opset(opset)
    path = checked_path(path, FORMAT)
    graph = path.with_suffix(".onnx")
    options = ExportOptions(
        precision=precision,
        output=output,
        layout=layout,
        calibration=calibration,
        gate=gate,
        channels=channels,
    )
    rest = (options, image_shape, verify_on, labels)
    report = export(OnnxForTensorRT(opset), model, graph, *rest)
    notes = report.notes
    if importlib.util.find_spec("tensorrt") is None:
        notes += (command(graph, path, precision), UNTESTED)
        return dataclasses.replace(report, notes=notes)
    report = export(TensorRTFormat(graph), model, path, *rest)
    notes += (f"Built from {graph.name}. {UNTESTED}",)
    return dataclasses.replace(report, notes=notes)


def judged(path, layers=()) -> str:
    """Has NVIDIA's builder judge an ONNX file, where it is installed.

    Elsewhere the file is compared with a list of what that builder took.

    Args:
        path: Path of the `.onnx` file.
        layers: Names of the layers of the Keras model. Defaults to none.

    Returns:
        Sentences on what was checked.

    Raises:
        ExportError: If TensorRT does not take the graph.
    """
    missing = library.find().reason
    if not missing:
        try:
            return str(judge(path, layers))
        except ImportError as error:  # A library of another version.
            missing = str(error)
    onnx = require("onnx", "onnx")
    compared = check_for_tensorrt(onnx.load(str(path)))
    return f"{compared} NVIDIA's builder did not judge the file: {missing}"


def command(graph, path, precision) -> str:
    """States how to build the engine by hand.

    Args:
        graph: Path of the `.onnx` file.
        path: Path of the engine.
        precision: Number format of the file.

    Returns:
        Sentences with the command.
    """
    # Without --noTF32 the factors of float32 products are rounded to 10 bits.
    words = [f"--onnx={graph}", f"--saveEngine={path}", "--noTF32"]
    line = shlex.join(["trtexec", *words])
    text = (
        f"No engine was built, since the package tensorrt is not installed. "
        f"Where it is, on the GPU that the engine is for: {line}"
    )
    flags = " ".join(f"--{flag.lower()}" for flag in BUILDER_FLAGS[precision])
    if flags:
        text += (
            f" (TensorRT 11 computes in the number formats of the ONNX file; "
            f"TensorRT 10 needs {flags} as well)"
        )
    return text + "."
