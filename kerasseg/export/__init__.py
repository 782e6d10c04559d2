"""Exporters that verify what they write.

SavedModel, LiteRT, ONNX, OpenVINO, and the ONNX files for TensorRT and
TensorRT for RTX.
"""

from kerasseg.export.errors import ExportError
from kerasseg.export.litert.exporter import to_litert
from kerasseg.export.litert.runtime import run_litert
from kerasseg.export.onnx.exporter import to_onnx
from kerasseg.export.onnx.runtime import run_onnx
from kerasseg.export.openvino.exporter import to_openvino
from kerasseg.export.openvino.runtime import run_openvino
from kerasseg.export.proof.comparison import compare
from kerasseg.export.proof.gate import Gate
from kerasseg.export.report import ExportReport
from kerasseg.export.report import VerificationReport
from kerasseg.export.saved_model.exporter import to_saved_model
from kerasseg.export.saved_model.runtime import run_saved_model
from kerasseg.export.sidecar import read_sidecar
from kerasseg.export.tensorrt.exporter import to_tensorrt
from kerasseg.export.tensorrt_rtx.exporter import to_tensorrt_rtx
from kerasseg.export.verify import verify_file

__all__ = [
    "ExportError",
    "ExportReport",
    "Gate",
    "VerificationReport",
    "compare",
    "read_sidecar",
    "run_litert",
    "run_onnx",
    "run_openvino",
    "run_saved_model",
    "to_litert",
    "to_onnx",
    "to_openvino",
    "to_saved_model",
    "to_tensorrt",
    "to_tensorrt_rtx",
    "verify_file",
]
