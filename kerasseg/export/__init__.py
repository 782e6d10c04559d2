"""Exporters that prove what they write: SavedModel, LiteRT, ONNX, OpenVINO."""

from kerasseg.export.comparison import compare
from kerasseg.export.errors import ExportError
from kerasseg.export.gate import Gate
from kerasseg.export.litert import to_litert
from kerasseg.export.onnx import to_onnx
from kerasseg.export.openvino import to_openvino
from kerasseg.export.report import ExportReport
from kerasseg.export.report import VerificationReport
from kerasseg.export.runtimes import run_litert
from kerasseg.export.runtimes import run_onnx
from kerasseg.export.runtimes import run_openvino
from kerasseg.export.runtimes import run_saved_model
from kerasseg.export.saved_model import to_saved_model
from kerasseg.export.sidecar import read_sidecar
from kerasseg.export.tensorrt import to_tensorrt
from kerasseg.export.verification import verify_file

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
    "verify_file",
]
