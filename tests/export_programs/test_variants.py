"""The programs run every kind of file that the exporters write."""

import json

import numpy as np
import pytest
from PIL import Image

from kerasseg.data import read_image
from kerasseg.data import read_mask

pytestmark = [pytest.mark.slow, pytest.mark.export]


@pytest.fixture
def export(exported, files):
    """Exports the small model anew; int8 learns from the image."""

    def export(suffix, **arguments):
        from kerasseg import export as exporters

        pixels = read_image(files / "image.png")
        if arguments.get("precision") == "int8":
            arguments["calibration"] = [pixels]
        write = {
            ".tflite": exporters.to_litert,
            ".onnx": exporters.to_onnx,
            ".xml": exporters.to_openvino,
        }
        path = files / f"tiny{suffix}"
        write[suffix](
            exported.model,
            path,
            verify_on=[pixels],
            labels=exported.labels,
            gate=exporters.Gate(mask_agreement=0.9),
            **arguments,
        )
        return json.loads(path.with_name(path.name + ".json").read_text())

    return export


@pytest.mark.by_day(5)
@pytest.mark.parametrize(
    ("program", "suffix", "arguments"),
    [
        ("litert_python", ".tflite", {"output": "mask"}),
        ("litert_python", ".tflite", {"precision": "float16"}),
        ("litert_python", ".tflite", {"precision": "int8"}),
        (
            "litert_python",
            ".tflite",
            {"precision": "int8", "input_dtype": "int8", "output": "mask"},
        ),
        ("onnxruntime_python", ".onnx", {"output": "mask", "layout": "NCHW"}),
        ("onnxruntime_python", ".onnx", {"precision": "float16"}),
        ("onnxruntime_python", ".onnx", {"precision": "int8"}),
        ("openvino_python", ".onnx", {"output": "mask", "layout": "NCHW"}),
        ("openvino_python", ".onnx", {"precision": "int8"}),
        ("openvino_python", ".xml", {"output": "mask", "layout": "NCHW"}),
        ("openvino_python", ".xml", {"precision": "float16"}),
    ],
)
def test_the_mask_is_that_of_the_model(
    segment, export, right_mask, files, program, suffix, arguments
):
    if program == "openvino_python":
        pytest.importorskip("openvino")
    sidecar = export(suffix, **arguments)
    for key in ("precision", "output", "layout"):
        stated = json.dumps([sidecar, sidecar["input"], sidecar["output"]])
        assert str(arguments.get(key, "")) in stated
    result = segment(
        program, f"tiny{suffix}", "image.png", "--mask=mask.png", "--runs=1"
    )
    assert result.code == 0, result.err
    image = Image.fromarray(read_image(files / "image.png"))
    agreement = np.mean(read_mask(files / "mask.png") == right_mask(image))
    exact = arguments.get("precision") != "int8"
    assert agreement > (0.99 if exact else 0.93)


def test_changed_weights_beside_the_file_are_refused(segment, export, files):
    pytest.importorskip("openvino")
    export(".xml")
    weights = bytearray((files / "tiny.bin").read_bytes())
    weights[-1] ^= 1
    (files / "tiny.bin").write_bytes(weights)
    result = segment("openvino_python", "tiny.xml", "image.png")
    assert result.code == 2
    assert "describes another file than tiny.xml" in result.err
