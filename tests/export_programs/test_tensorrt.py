"""The TensorRT program against stand-ins for TensorRT and CUDA.

Neither runs here. The stand-ins have the names and forms of TensorRT 11.4 and
cuda-python 13.5, keep "device" memory on the host, and compute with ONNX
Runtime: the program's own logic runs, and nothing is said of a GPU.
"""

import os
import subprocess

import pytest
from source import ROOT
from tensorrt_stand_ins import CUDA
from tensorrt_stand_ins import TENSORRT

pytestmark = [pytest.mark.slow, pytest.mark.export]


@pytest.fixture
def stand_ins(files):
    """A folder from which Python imports the stand-ins."""
    folder = files / "stand_ins"
    (folder / "cuda" / "bindings").mkdir(parents=True)
    (folder / "tensorrt.py").write_text(TENSORRT)
    (folder / "cuda" / "bindings" / "runtime.py").write_text(CUDA)
    # ONNX Runtime reads the "engine", which is the ONNX file itself.
    (files / "tiny.engine").write_bytes((files / "tiny.onnx").read_bytes())
    return folder


def test_the_overlay_is_the_mask_of_the_model(segment, agrees, stand_ins):
    result = segment(
        *("tensorrt", "tiny.onnx", "image.png", "--mask", "mask.png"),
        *("--engine", "tiny.engine"),
        paths=[stand_ins],
    )
    assert result.code == 0, result.err
    assert "runtime: TensorRT stand-in, with the copies" in result.out
    agrees()


def test_an_engine_of_another_version(segment, files, stand_ins):
    (files / "tiny.engine").write_bytes(b"old")
    result = segment(
        *("tensorrt", "tiny.onnx", "image.png", "--engine", "tiny.engine"),
        paths=[stand_ins],
    )
    assert result.code == 2
    assert "TensorRT stand-in needs a new engine" in result.err


def test_the_command_that_builds(tmp_path):
    trtexec = tmp_path / "trtexec"
    trtexec.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    trtexec.chmod(0o755)
    build = ROOT / "export" / "tensorrt" / "build.sh"
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    result = subprocess.run(
        [build, "a b.onnx", "x.engine", "--fp16"],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.splitlines() == [
        "--onnx=a b.onnx",
        "--saveEngine=x.engine",
        "--noTF32",
        "--fp16",
    ]
    result = subprocess.run([build], capture_output=True, text=True)
    assert result.returncode == 2
    assert result.stderr.startswith("usage: ")
