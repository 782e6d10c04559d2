"""Export to TensorRT for RTX: an engine, built without a GPU and not run."""

import dataclasses

from kerasseg.export import files
from kerasseg.export import sidecar
from kerasseg.export.arguments import explain_arguments
from kerasseg.export.errors import ExportError
from kerasseg.export.format import Format
from kerasseg.export.onnx.converters import DEFAULT_OPSET
from kerasseg.export.onnx.converters import check_opset
from kerasseg.export.onnx.exporter import OnnxFormat
from kerasseg.export.options import ExportOptions
from kerasseg.export.pipeline import export
from kerasseg.export.proof.integrity import check_content
from kerasseg.export.report import ExportReport
from kerasseg.export.tensorrt_rtx import library
from kerasseg.export.tensorrt_rtx.judge import judge
from kerasseg.files import atomic_json


class TensorRTRTXFormat(Format):
    """An engine of TensorRT for RTX, portable over GPUs, and not run here."""

    name = "tensorrt_rtx"

    def convert(self, frozen, path):
        raise ExportError("An engine is built from an ONNX file.")

    def open(self, path):
        raise ExportError(
            f"{path.name} was not run: kerasseg cannot run engines of "
            f"TensorRT for RTX in this release. Verify the ONNX file beside "
            f"it, which the engine was built from."
        )

    def operators(self, path):
        del path
        return {}  # An engine names no operators of ONNX.


class _OnnxForEngine(OnnxFormat):
    """An ONNX file that NVIDIA's builder makes an engine of.

    Args:
        opset: Version of ONNX's operator set.
        engine: Path of the engine to write.
    """

    def __init__(self, opset, engine):
        super().__init__(opset, symmetric=True)
        self.engine = engine
        self.judgment = None

    def convert(self, frozen, path):
        conversion = super().convert(frozen, path)
        self.judgment = judge(path, frozen.layer_names, self.engine)
        return conversion


FORMAT = TensorRTRTXFormat()


@explain_arguments
def to_tensorrt_rtx(
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
    """Exports a model to an engine of TensorRT for RTX, without a GPU.

    An ONNX file is written beside `path`, with the end `.onnx`, in the
    number format that TensorRT shall compute in. NVIDIA's own parser and
    builder make the engine of it, in a process of its own, and ONNX Runtime
    verifies that the ONNX file computes what the model computes. Only then do
    both appear, each with its sidecar.

    The engine is for no GPU in particular: TensorRT for RTX of the same
    version compiles it for the GPU that loads it, of compute capability 8.0,
    8.6, 8.9, 12.0 or later. **The engine itself is not run**; the proof in
    its sidecar is that of the ONNX file.

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
        The `ExportReport` of the engine, without a latency.

    Raises:
        ValueError: If an argument cannot be honored.
        ImportError: If onnx, onnxruntime or the converter is missing, or
            TensorRT for RTX, or if it is of another version or for other
            machines.
        ExportError: If the conversion fails, if NVIDIA's builder refuses the
            graph, or if a result differs or loses too much.
    """
    check_opset(opset)
    path = files.checked_path(path, FORMAT)
    found = library.find()
    if found.folder is None:
        raise ImportError(found.reason)
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
    with files.staging_folder(path) as staged:
        engine = staged / f"artifact{FORMAT.suffix}"
        form = _OnnxForEngine(opset, engine)
        verified = export(form, model, graph, *rest)
        report = _of_engine(verified, form.judgment, engine, graph)
        report = report.placed(path, verified.seconds)
        content = _content(report, graph)
        check_content(engine, content, FORMAT)
        beside = staged / "sidecar.json"
        atomic_json(beside, content)
        moves = [(engine, path), (beside, sidecar.sidecar_path(path))]
        files.place(staged, moves)
    return report


def _of_engine(verified, judgment, engine, graph):
    """The report of an engine, from that of the ONNX file and a judgment."""
    artifact = dataclasses.replace(
        verified.artifact,
        format=FORMAT.name,
        operators={},
        bytes=files.size(engine),
        sha256=files.sha256(engine),
        versions={**verified.versions, "tensorrt_rtx": judgment.version},
    )
    shown = f"{verified.verified_on}, as {graph.name} in ONNX Runtime"
    return dataclasses.replace(
        verified,
        artifact=artifact,
        proof=dataclasses.replace(verified.proof, verified_on=shown),
        timing=dataclasses.replace(
            verified.timing,
            latency_ms=None,
            float32_latency_ms=None,
            time_shares=None,
        ),
        notes=(*verified.notes, f"{judgment} Built from {graph.name}."),
    )


def _content(report, graph):
    """The sidecar of the engine: that of the ONNX file, but for the file."""
    own = sidecar.describe(report)
    known = sidecar.read_sidecar(graph)
    classes = ("num_classes", "class_names", "palette", "ignore_classes")
    own["input"]["channels"] = known["input"]["channels"]
    return sidecar.sealed({**own, **{name: known[name] for name in classes}})
