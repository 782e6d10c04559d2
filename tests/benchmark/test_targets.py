import json

import numpy as np
import pytest

from kerasseg.benchmark import Target
from kerasseg.benchmark import exported_files
from kerasseg.benchmark import targets_of


def test_the_sidecar_describes_the_file(write):
    scale = {"scale": 1.0, "zero_point": 0}
    path = write(
        "net.tflite",
        format="litert",
        precision="int8",
        input={"dtype": "uint8", "quantization": scale},
    )
    target = Target.from_file(path)
    assert target.name == "net.tflite"
    assert (target.format, target.precision) == ("litert", "int8")
    assert target.input_shape == (1, 34, 47, 3)
    assert target.input_quantization == scale
    assert target.bytes == len(b"graph")


def test_weights_beside_the_graph_count(write, tmp_path):
    (tmp_path / "net.bin").write_bytes(b"weights")
    target = Target("net", str(tmp_path / "net.xml"), "openvino", (1, 8, 8, 3))
    (tmp_path / "net.xml").write_bytes(b"graph")
    assert target.bytes == len(b"graph" + b"weights")


def test_pixels_are_those_of_images():
    images = Target("net", "net.onnx", "onnx", (1, 34, 47, 3)).inputs()
    assert images.shape == (4, 1, 34, 47, 3)
    assert images.dtype == "float32"
    assert images.min() >= 0
    assert 128 < images.max() <= 255
    again = Target("other", "net.onnx", "onnx", (1, 34, 47, 3)).inputs()
    np.testing.assert_array_equal(images, again)


def test_the_same_pixels_in_another_layout_and_as_integers():
    plain = Target("net", "net.onnx", "onnx", (1, 34, 47, 3)).inputs()
    first = Target(
        "net", "net.onnx", "onnx", (1, 3, 34, 47), layout="NCHW"
    ).inputs()
    np.testing.assert_array_equal(first.transpose(0, 1, 3, 4, 2), plain)
    assert first.flags.c_contiguous
    shifted = Target(
        "net",
        "net.tflite",
        "litert",
        (1, 34, 47, 3),
        input_dtype="int8",
        input_quantization={"scale": 1.0, "zero_point": -128},
    ).inputs()
    assert shifted.dtype == "int8"
    np.testing.assert_array_equal(shifted.astype("float32") + 128, plain)


def test_unknown_formats_are_refused():
    with pytest.raises(ValueError, match=r"`format` must be one of .*'caffe'"):
        Target("net", "net.pb", "caffe", (1, 34, 47, 3))


@pytest.mark.parametrize("shape", [(34, 47, 3), (1, None, None, 3)])
def test_shapes_must_be_fixed(shape):
    with pytest.raises(ValueError, match="`input_shape` must be four fixed"):
        Target("net", "net.onnx", "onnx", shape)


def test_a_file_without_its_own_sidecar_is_refused(write, tmp_path):
    with pytest.raises(ValueError, match="`path` must exist"):
        Target.from_file(tmp_path / "net.onnx")
    path = write("net.onnx")
    path.write_bytes(b"other")
    with pytest.raises(ValueError, match="that its sidecar describes: .*SHA"):
        Target.from_file(path)
    (tmp_path / "net.onnx.json").write_text(json.dumps({"schema": 1}))
    with pytest.raises(ValueError, match="file is missing"):
        Target.from_file(path)
    (tmp_path / "net.onnx.json").unlink()
    with pytest.raises(ValueError, match="readable sidecar"):
        Target.from_file(path)


def test_files_of_a_folder(write, tmp_path):
    write("b.onnx")
    write("a.tflite")
    write("served/saved_model.pb")
    (tmp_path / "served.json").write_text("{}")
    (tmp_path / "times.json").write_text("{}")
    (tmp_path / "notes.txt").write_text("no export")
    found = exported_files(tmp_path)
    assert [path.name for path in found] == ["a.tflite", "b.onnx", "served"]


def test_equal_names_are_told_apart(write):
    paths = [write("old/net.onnx"), write("new/net.onnx"), write("mine.onnx")]
    names = [target.name for target in targets_of([*paths, paths[0]])]
    assert names == ["old/net.onnx", "new/net.onnx", "mine.onnx"]
