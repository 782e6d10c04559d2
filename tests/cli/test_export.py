import argparse
import json

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


def test_a_path_with_a_wrong_end_is_a_mistake(run, channels_entry, tmp_path):
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
    assert "`path` must end with '.onnx'" in result.err


def test_an_unwritable_path_is_a_mistake(run, channels_entry, tmp_path):
    (tmp_path / "file").touch()
    result = run(
        "export",
        channels_entry,
        "--to",
        "onnx",
        "--image-shape",
        "33x47",
        "--out",
        tmp_path / "file" / "net.onnx",
    )
    assert result.code == 2
    assert "cannot make the folder" in result.err


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
@pytest.mark.parametrize("form", ["saved_model", "litert", "onnx"])
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
    }[form]
    assert (tmp_path / name).exists()
    sidecar = json.loads((tmp_path / f"{name}.json").read_text())
    assert sidecar["class_names"] == ["red", "green", "blue"]
