"""The program for TensorRT for RTX, with a stand-in for the plugin."""

import ctypes.util
import sys

import pytest
from tensorrt_stand_ins import rtx_stand_ins

pytestmark = [pytest.mark.slow, pytest.mark.export]

PROGRAM = "tensorrt_rtx_python"
FOLDERS = ("/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/lib64")


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """A library that stands for that of the driver."""
    from pathlib import Path

    name = ctypes.util.find_library("m")
    found = [p for p in (Path(f) / str(name) for f in FOLDERS) if p.exists()]
    if sys.platform != "linux" or not found:
        pytest.skip("needs a library to stand for the driver's")
    folder = tmp_path / "driver"
    folder.mkdir()
    (folder / "libcuda.so.1").symlink_to(found[0])
    monkeypatch.setenv("LD_LIBRARY_PATH", str(folder))


def test_the_overlay_is_the_mask_of_the_model(segment, agrees, files, driver):
    result = segment(
        *(PROGRAM, "tiny.onnx", "image.png", "--mask", "mask.png"),
        paths=[rtx_stand_ins(files / "stand_ins")],
    )
    assert result.code == 0, result.err
    assert "runtime: TensorRT for RTX stand-in, with the copies" in result.out
    agrees()


@pytest.mark.skipif(
    ctypes.util.find_library("cuda") is not None, reason="has a driver"
)
def test_without_a_driver_one_line(segment, files):
    result = segment(PROGRAM, "tiny.onnx", "image.png")
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        "segment.py: there is no NVIDIA driver: libcuda.so.1 is missing\n"
    )


def test_a_machine_without_such_a_gpu(segment, files, driver):
    folder = rtx_stand_ins(files / "stand_ins")
    with (folder / "onnxruntime.py").open("a") as file:
        file.write("\nget_ep_devices = list\n")
    result = segment(PROGRAM, "tiny.onnx", "image.png", paths=[folder])
    assert result.code == 2
    assert "TensorRT for RTX serves no GPU of this machine" in result.err
