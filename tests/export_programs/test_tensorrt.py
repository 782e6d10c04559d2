"""The TensorRT program against stand-ins for TensorRT and CUDA.

Neither runs here. The stand-ins have the names and forms of TensorRT 11.4 and
cuda-python 13.5, keep "device" memory on the host, and compute with ONNX
Runtime: the program's own logic runs, and nothing is said of a GPU.
"""

import os
import subprocess
import textwrap

import pytest
from source import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.export]

TENSORRT = textwrap.dedent("""
    import math

    import numpy as np
    import onnxruntime

    from cuda.bindings import runtime as cuda

    __version__ = "stand-in"
    nptype = {"tensor(float)": np.float32}.get
    volume = math.prod


    class Logger:
        WARNING = 2

        def __init__(self, level):
            self.level = level


    class Runtime:
        def __init__(self, logger):
            self.logger = logger

        def deserialize_cuda_engine(self, content):
            return Engine(content) if content[:1] == b"\\x08" else None


    class Engine:
        def __init__(self, content):
            self.session = onnxruntime.InferenceSession(content)
            ends = self.session.get_inputs() + self.session.get_outputs()
            self.ends = {end.name: end for end in ends}

        def get_tensor_shape(self, name):
            return self.ends[name].shape

        def get_tensor_dtype(self, name):
            return self.ends[name].type

        def create_execution_context(self):
            return Context(self)


    class Context:
        def __init__(self, engine):
            self.engine = engine
            self.addresses = {}

        def set_tensor_address(self, name, address):
            self.addresses[name] = address

        def execute_async_v3(self, stream):
            assert isinstance(stream, int)
            (source,) = self.engine.session.get_inputs()
            (target,) = self.engine.session.get_outputs()
            size = 4 * volume(source.shape)
            content = cuda.MEMORY[self.addresses[source.name]]
            pixels = np.frombuffer(content[:size], "float32")
            (array,) = self.engine.session.run(
                [target.name], {source.name: pixels.reshape(source.shape)}
            )
            cuda.MEMORY[self.addresses[target.name]][:] = array.tobytes()
            return True
""")

CUDA = textwrap.dedent("""
    import ctypes
    import enum

    MEMORY = {}


    class cudaError_t(enum.IntEnum):
        cudaSuccess = 0
        cudaErrorInvalidValue = 1


    class cudaMemcpyKind(enum.IntEnum):
        cudaMemcpyHostToDevice = 1
        cudaMemcpyDeviceToHost = 2


    OK = cudaError_t.cudaSuccess


    def cudaStreamCreate():
        return OK, 77


    def cudaStreamSynchronize(stream):
        return (OK,)


    def cudaMalloc(size):
        address = 4096 + len(MEMORY)
        MEMORY[address] = bytearray(size)
        return OK, address


    def cudaMemcpyAsync(to, start, size, kind, stream):
        if kind == cudaMemcpyKind.cudaMemcpyHostToDevice:
            MEMORY[to][:size] = ctypes.string_at(start, size)
        elif kind == cudaMemcpyKind.cudaMemcpyDeviceToHost:
            ctypes.memmove(to, bytes(MEMORY[start]), size)
        else:
            return (cudaError_t.cudaErrorInvalidValue,)
        return (OK,)
""")


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
        *("tensorrt", "tiny.onnx", "picture.png", "--mask", "mask.png"),
        *("--engine", "tiny.engine"),
        paths=[stand_ins],
    )
    assert result.code == 0, result.err
    assert "runtime: TensorRT stand-in, with the copies" in result.out
    agrees()


def test_an_engine_of_another_version(segment, files, stand_ins):
    (files / "tiny.engine").write_bytes(b"old")
    result = segment(
        *("tensorrt", "tiny.onnx", "picture.png", "--engine", "tiny.engine"),
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
