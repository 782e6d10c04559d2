"""The formats by the name that their sidecars give them."""

from kerasseg.export.litert import LITERT
from kerasseg.export.onnx import ONNX
from kerasseg.export.openvino import OPENVINO
from kerasseg.export.saved_model import SAVED_MODEL
from kerasseg.export.tensorrt import TENSORRT

FORMATS = {
    form.name: form for form in (SAVED_MODEL, LITERT, ONNX, OPENVINO, TENSORRT)
}
