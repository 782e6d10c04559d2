"""Stand-ins for TensorRT and CUDA, as the text of modules.

They have the names and forms of TensorRT 11.4 and cuda-python 13.5, keep
"device" memory on the host, and compute with ONNX Runtime: an "engine" is the
ONNX file itself. Nothing is said of a GPU.
"""

import textwrap

TENSORRT = textwrap.dedent("""
    import math

    import numpy as np
    import onnxruntime

    from cuda.bindings import runtime as cuda

    __version__ = "stand-in"
    nptype = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8}.get
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
            self.num_io_tensors = len(ends)

        def get_tensor_name(self, index):
            return list(self.ends)[index]

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

# What builds engines, for TensorRT 10 and 11.
BUILDER = textwrap.dedent("""
    __version__ = "VERSION"
    FLAGS = []
    FAILS = []


    class BuilderFlag:
        TF32 = "TF32"
        if int(__version__.split(".")[0]) < 11:
            FP16 = "FP16"
            INT8 = "INT8"


    class Builder:
        def __init__(self, logger):
            self.logger = logger

        def create_network(self, flags):
            return {}

        def create_builder_config(self):
            return Config()

        def build_serialized_network(self, network, config):
            FLAGS[:] = sorted(config.flags)
            return None if "build" in FAILS else network["content"]


    class Config:
        def __init__(self):
            self.flags = {"TF32"}

        def set_flag(self, flag):
            self.flags.add(flag)

        def clear_flag(self, flag):
            self.flags.remove(flag)


    class OnnxParser:
        num_errors = 1

        def __init__(self, network, logger):
            self.network = network

        def parse(self, content):
            self.network["content"] = content
            return "parse" not in FAILS

        def get_error(self, index):
            return Error()


    class Error:
        def desc(self):
            return "no importer for this operator"
""")
