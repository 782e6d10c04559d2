import argparse
import importlib.util
import inspect
import json
import re

import pytest

from kerasseg import export
from kerasseg.cli.export import image_size


def test_image_size():
    assert image_size("352x480") == (352, 480)
    assert image_size("33X47") == (33, 47)


@pytest.mark.parametrize("text", ["352", "352x", "axb", "1x2x3", "-1x40"])
def test_other_texts_are_no_image_size(text):
    with pytest.raises(argparse.ArgumentTypeError, match="HEIGHTxWIDTH"):
        image_size(text)


def test_small_images_are_refused():
    with pytest.raises(argparse.ArgumentTypeError, match="at least 32"):
        image_size("31x480")


def test_a_size_is_needed_where_the_entry_has_none(run, channels_entry):
    result = run("export", channels_entry, "--to", "onnx")
    assert result.code == 2
    assert "--image-shape HxW" in result.err


def test_a_path_with_a_wrong_end_is_a_usage_error(
    run, channels_entry, tmp_path
):
    result = run(
        "export",
        channels_entry,
        "--to",
        "onnx",
        "--image-shape",
        "33x47",
        "--out",
        tmp_path / "net.pb",
    )
    assert result.code == 2
    assert "its name must end in .onnx" in result.err


@pytest.mark.parametrize(
    ("to", "out", "message"),
    [
        ("onnx", "file/net.onnx", "Not a directory"),
        ("onnx", "folder.onnx", "folder.onnx: it is a folder"),
        ("onnx", "net.onnx", "net.onnx.json: it is a folder"),
        ("saved_model", "file", "file: it is a file"),
        ("onnx", "/proc/net.onnx", "cannot write to the folder /proc"),
        ("onnx", "", "--out: must be a path"),
        ("onnx", "~nobody-of-that-name/a.onnx", "home folder is not known"),
        ("onnx", "a" * 300, "too long"),
    ],
)
def test_outputs_are_checked_before_the_work(
    run, channels_entry, tmp_path, monkeypatch, to, out, message
):
    from kerasseg.cli import export

    (tmp_path / "file").touch()
    (tmp_path / "folder.onnx").mkdir()
    (tmp_path / "net.onnx.json").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(export, "load_model", None)
    options = ("--to", to, "--image-shape", "33x47", "--out", out)
    result = run("export", channels_entry, *options)
    assert result.code == 2
    assert message in result.err
    assert result.err.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--to", "litert", "--precision", "int8"), "needs images like.*--cal"),
        (("--to", "litert", "--precision", "mixed"), "mixed needs images.*--c"),
        (("--to", "litert", "--layout", "NCHW"), "litert has no --layout"),
        (("--to", "openvino", "--exporter", "torch"), "has no --exporter"),
        (("--to", "openvino", "--weight-bits", "7"), "has no --weight-bits"),
        (("--to", "onnx", "--weight-bits", "7"), 'is for precision="int8"'),
        (
            ("--to", "onnx", "--input-dtype", "int8"),
            "onnx has no --input-dtype",
        ),
        (("--to", "saved_model", "--min-agreement", "0"), "32 file must be eq"),
        (("--to", "onnx", "--max-miou-loss", "0.1"), "float32 file must be eq"),
        (
            ("--to", "onnx", "--precision", "float16", "--min-agreement", "98"),
            "--min-agreement: must be a share from 0 to 1.*not '98'",
        ),
        (
            ("--to", "onnx", "--precision", "float16", "--max-miou-loss", "x"),
            "--max-miou-loss: must be a share from 0 to 1.*not 'x'",
        ),
        (("--to", "saved_model", "--precision", "int8"), "has no --precision"),
        (
            ("--to", "onnx", "--precision", "int8", "--calibration", "nowhere"),
            "--calibration nowhere, split train: ",
        ),
        (("--to", "onnx", "--data", "nowhere"), "--data nowhere, split test"),
        (("--to", "onnx", "--split", "val"), "split of --data, give both"),
        (
            ("--to", "onnx", "--calibration-split", "val"),
            "split of --calibration, give both",
        ),
    ],
)
def test_options_in_conflict_are_usage_errors(
    run, channels_entry, tmp_path, options, message
):
    out = tmp_path / "net.onnx"
    shape = ("--image-shape", "33x47", "--out", out)
    result = run("export", channels_entry, *options, *shape)
    assert result.code == 2
    assert re.search(message, result.err)
    assert not out.exists()


def test_options_reach_the_exporter(
    run, channels_entry, brightest_data, monkeypatch, tmp_path
):
    given = {}
    signature = inspect.signature(export.to_onnx)

    def record(*args, **arguments):
        given.update(signature.bind(*args, **arguments).arguments)

    monkeypatch.setattr(export, "to_onnx", record)
    monkeypatch.chdir(tmp_path)
    options = ("--precision", "int8", "--output", "mask", "--layout", "NCHW")
    options += ("--max-miou-loss", "0", "--min-agreement", "0.5")
    options += ("--weight-bits", "7")
    calibration = (brightest_data, "--calibration-split", "test")
    result = run(
        *("export", channels_entry, "--to", "onnx", "--image-shape", "33x47"),
        *(*options, "--calibration", *calibration),
    )
    assert result.code == 0
    assert given["precision"] == "int8"
    assert given["output"] == "mask"
    assert given["layout"] == "NCHW"
    assert given["weight_bits"] == 7
    assert given["gate"] == export.Gate(miou_loss=0.0, mask_agreement=0.5)
    assert len(given["calibration"]) == 3
    assert given["path"].name == "channels_int8.onnx"


def test_a_wrong_file_is_a_failure(run, channels_entry, monkeypatch, tmp_path):
    def refuse(*args, **kwargs):
        raise export.ExportError("the masks differ")

    monkeypatch.setattr(export, "to_litert", refuse)
    result = run(
        "export",
        channels_entry,
        "--to",
        "litert",
        "--image-shape",
        "33x47",
        "--out",
        tmp_path / "net.tflite",
    )
    assert result.code == 1
    assert result.err == "kerasseg: not exported: the masks differ\n"


@pytest.mark.export
@pytest.mark.parametrize("form", ["saved_model", "litert", "onnx", "openvino"])
def test_the_report_is_printed(
    run, channels_entry, brightest_data, form, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    result = run(
        "export",
        channels_entry,
        "--to",
        form,
        "--image-shape",
        "33x47",
        "--data",
        brightest_data,
    )
    assert result.code == 0
    assert "mask agreement" in result.out
    assert "100.00 % in Keras, 100.00 % in the file" in result.out
    name = {
        "saved_model": "channels_saved_model",
        "litert": "channels.tflite",
        "onnx": "channels.onnx",
        "openvino": "channels.xml",
    }[form]
    assert (tmp_path / name).exists()
    sidecar = json.loads((tmp_path / f"{name}.json").read_text())
    assert sidecar["class_names"] == ["red", "green", "blue"]


@pytest.mark.export
def test_the_command_that_builds_an_engine_is_printed(
    run, channels_entry, tmp_path
):
    if importlib.util.find_spec("tensorrt"):
        pytest.skip("TensorRT is installed, and builds the engine")
    out = tmp_path / "net.engine"
    shape = ("--image-shape", "33x47", "--out", out)
    result = run("export", channels_entry, "--to", "tensorrt", *shape)
    assert result.code == 0
    assert f"trtexec --onnx={tmp_path / 'net.onnx'} --save" in result.out
    assert (tmp_path / "net.onnx.json").exists()


@pytest.mark.export
def test_an_int8_file_is_scored_on_the_calibration_images(
    run, channels_entry, brightest_data, tmp_path
):
    out = tmp_path / "small.tflite"
    result = run(
        *("export", channels_entry, "--to", "litert", "--precision", "int8"),
        *("--calibration", brightest_data, "--calibration-split", "test"),
        *("--image-shape", "33x47", "--output", "mask", "--out", out),
    )
    assert result.code == 0
    assert "a loss of at most 1.00 points allowed" in result.out
    assert "uint8, 0..255 (scale 1, zero point 0)" in result.out
    sidecar = json.loads((tmp_path / "small.tflite.json").read_text())
    assert sidecar["output"]["name"] == "mask"
    assert sidecar["class_names"] == ["red", "green", "blue"]
