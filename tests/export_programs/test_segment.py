"""The Python programs draw the mask of the Keras model."""

import json
import re

import numpy as np
import pytest
from onnx_ends import with_bytes
from onnx_ends import with_channels_first
from onnx_ends import with_mask
from PIL import Image

from kerasseg.data import read_image
from kerasseg.data import read_mask
from kerasseg.inference import predict_mask

pytestmark = [pytest.mark.slow, pytest.mark.export]

LITERT = pytest.param("litert_python", "tiny.tflite", id="litert")
ONNXRUNTIME = pytest.param("onnxruntime_python", "tiny.onnx", id="onnxruntime")
OPENVINO = pytest.param("openvino_python", "tiny.onnx", id="openvino")
ALL = pytest.mark.parametrize(
    ("program", "file"), [LITERT, ONNXRUNTIME, OPENVINO]
)
ONNX = pytest.mark.parametrize(("program", "file"), [ONNXRUNTIME, OPENVINO])


@pytest.fixture(autouse=True)
def _installed(program):
    if program == "openvino_python":
        pytest.importorskip("openvino")


@ALL
def test_the_overlay_is_the_mask_of_the_model(segment, agrees, program, file):
    result = segment(program, file, "image.png", "--mask", "mask.png")
    assert result.code == 0, result.err
    agrees()
    lines = result.out.splitlines()
    assert re.fullmatch(rf"{file}: (litert|onnx) float32", lines[0])
    assert re.fullmatch(r"runtime: \w+.* \d[\d.]+, .*\d+ threads", lines[1])
    assert re.fullmatch(r"latency: \d+\.\d ms, median of 10", lines[2])
    shares = [float(line.split(" %")[0]) for line in lines[3:-1]]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(100, abs=0.3)
    assert lines[-1] == "wrote overlay.png"


@ALL
def test_an_image_of_another_size(segment, agrees, files, program, file):
    pixels = read_image(files / "image.png")
    large = Image.fromarray(pixels).resize((131, 77), Image.Resampling.BICUBIC)
    large.save(files / "large.png")
    result = segment(program, file, "large.png", "--mask=mask.png", "--runs=1")
    assert result.code == 0, result.err
    agrees("large.png")


@ALL
def test_tiles_keep_the_size_of_the_image(
    segment, exported, files, program, file
):
    import keras

    # The weights in a model of any size, which sees the image whole.
    whole = keras.models.clone_model(
        exported.model, input_tensors=keras.Input((None, None, 3))
    )
    whole.set_weights(exported.model.get_weights())
    rng = np.random.default_rng(3)
    coarse = Image.fromarray(rng.integers(0, 256, (11, 13, 3), dtype="uint8"))
    image = coarse.resize((132, 78), Image.Resampling.BICUBIC)
    image.save(files / "large.png")
    result = segment(
        program, file, "large.png", "--tiles", "--mask=mask.png", "--runs=1"
    )
    assert result.code == 0, result.err
    mask = read_mask(files / "mask.png")
    same = mask == predict_mask(whole, np.asarray(image))
    assert same.mean() > 0.97


@ALL
def test_a_image_that_lies_on_its_side(segment, agrees, files, program, file):
    image = Image.fromarray(read_image(files / "image.png"))
    exif = Image.Exif()
    exif[0x0112] = 6  # Turn by 90 degrees to see it upright.
    turned = image.transpose(Image.Transpose.ROTATE_90)
    turned.save(files / "turned.png", exif=exif)
    result = segment(program, file, "turned.png", "--mask=mask.png", "--runs=1")
    assert result.code == 0, result.err
    agrees("turned.png")


@ALL
def test_a_file_without_names_and_colors(
    segment, agrees, files, rewrite, program, file
):
    rewrite(files / file, class_names=None, palette=None)
    result = segment(program, file, "image.png", "--mask=mask.png")
    assert result.code == 0, result.err
    assert re.search(r"\d % class \d$", result.out, re.M)


@ONNX
@pytest.mark.parametrize("change", [with_mask, with_channels_first, with_bytes])
def test_what_the_sidecar_may_say(
    segment, agrees, files, rewrite, program, file, change
):
    import onnx

    proto = onnx.load(files / file)
    ends = change(proto.graph, onnx.helper, onnx.TensorProto)
    onnx.save(proto, files / file)
    rewrite(files / file, **ends)
    result = segment(program, file, "image.png", "--mask", "mask.png")
    assert result.code == 0, result.err
    agrees()


@pytest.mark.parametrize(("program", "file"), [ONNXRUNTIME])
def test_quantized_pixels(segment, agrees, files, rewrite, program, file):
    import onnx
    from onnx import helper

    proto = onnx.load(files / file)
    graph = proto.graph
    with_bytes(graph, helper, onnx.TensorProto)
    graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.INT8
    # real = 1 * (integer + 128), as LiteRT's int8 files have it.
    graph.initializer.append(
        helper.make_tensor("shift", onnx.TensorProto.FLOAT, [], [128.0])
    )
    graph.node[0].output[0] = "shifted"
    graph.node.insert(
        1, helper.make_node("Add", ["shifted", "shift"], ["floats"])
    )
    onnx.save(proto, files / file)
    quantization = {"scale": 1.0, "zero_point": -128}
    rewrite(files / file, input={"dtype": "int8", "quantization": quantization})
    result = segment(program, file, "image.png", "--mask", "mask.png")
    assert result.code == 0, result.err
    agrees()


@ALL
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f, n: (f / f"{n}.json").unlink(), "cannot read"),
        (lambda f, n: (f / f"{n}.json").write_text("{"), "cannot read"),
        (lambda f, n: (f / n).unlink(), "cannot read"),
        (lambda f, n: (f / n).write_bytes(b"x"), "describes another file"),
        (lambda f, n: (f / "image.png").write_text("x"), "cannot identify"),
    ],
)
def test_errors_are_one_line(segment, files, program, file, spoil, message):
    spoil(files, file)
    result = segment(program, file, "image.png")
    assert result.code == 2
    assert result.out == ""
    assert result.err.startswith("segment.py: ")
    assert message in result.err
    assert result.err.count("\n") == 1
    assert not (files / "overlay.png").exists()


@ALL
def test_a_sidecar_of_another_schema(segment, files, program, file):
    beside = files / f"{file}.json"
    beside.write_text(
        json.dumps({**json.loads(beside.read_text()), "schema": 9})
    )
    result = segment(program, file, "image.png")
    assert result.code == 2
    assert "has the schema 9" in result.err


@ALL
def test_escape_codes_are_not_printed(segment, files, rewrite, program, file):
    names = [f"\x1b[2J{i}\r\n\u202e" for i in range(5)]
    rewrite(files / file, class_names=names, precision="\x1b]0;x\x07")
    options = ("--out", "\x1b[31m.png", "--runs", "1")
    result = segment(program, file, "image.png", *options)
    assert result.code == 0, result.err
    assert result.out.isascii()
    assert "\x1b" not in result.out
    assert re.search(r"% \\x1b\[2J\d\\r\\n\\u202e$", result.out, re.M)
    assert "wrote \\x1b[31m.png" in result.out
    result = segment(program, file, "\x1b[2J.png")
    assert result.code == 2
    assert "\x1b" not in result.err


@ALL
def test_a_missing_runtime_is_named(segment, files, program, file):
    module = {
        "litert_python": "ai_edge_litert",
        "onnxruntime_python": "onnxruntime",
        "openvino_python": "openvino",
    }[program]
    text = f"raise ImportError('No module named {module}')\n"
    (files / "blocked" / f"{module}.py").write_text(text)
    result = segment(program, file, "image.png")
    assert result.code == 2
    assert re.search(rf"{module}.*pip install [\w-]+ numpy pillow$", result.err)
