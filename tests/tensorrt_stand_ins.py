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
    import itertools

    MEMORY = {}
    STREAMS = []
    ADDRESSES = itertools.count(4096)


    class cudaError_t(enum.IntEnum):
        cudaSuccess = 0
        cudaErrorInvalidValue = 1


    class cudaMemcpyKind(enum.IntEnum):
        cudaMemcpyHostToDevice = 1
        cudaMemcpyDeviceToHost = 2


    OK = cudaError_t.cudaSuccess


    def cudaStreamCreate():
        STREAMS.append(77)
        return OK, 77


    def cudaStreamDestroy(stream):
        STREAMS.remove(stream)
        return (OK,)


    def cudaStreamSynchronize(stream):
        return (OK,)


    def cudaMalloc(size):
        address = next(ADDRESSES)
        MEMORY[address] = bytearray(size)
        return OK, address


    def cudaFree(address):
        del MEMORY[address]
        return (OK,)


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

# In place of ONNX Runtime with the plugin: what is there computes, and the
# parts of version 1.32 that only serve plugins are kept here.
RTX_ONNXRUNTIME = textwrap.dedent("""
    import importlib
    import sys
    from types import SimpleNamespace

    own = sys.modules.pop(__name__)
    path, sys.path[:] = sys.path[:], [p for p in sys.path if p != FOLDER]
    real = importlib.import_module("onnxruntime")
    sys.path[:] = path
    sys.modules[__name__] = own
    __version__ = real.__version__
    registered = []


    def register_execution_provider_library(name, path):
        if name in registered:
            raise RuntimeError(f"{name} has been registered already")
        if not path.endswith("plugin.so"):
            raise RuntimeError("no such library")
        registered.append(name)


    def get_ep_devices():
        cpu = SimpleNamespace(ep_name="CPUExecutionProvider")
        device = SimpleNamespace(metadata={"Description": "A stand-in GPU"})
        return [cpu] + [
            SimpleNamespace(ep_name=name, ep_vendor="NVIDIA", device=device)
            for name in registered
        ]


    class SessionOptions:
        log_severity_level = 2

        def __init__(self):
            self.entries, self.devices = {}, []

        def add_session_config_entry(self, key, value):
            self.entries[key] = value

        def add_provider_for_devices(self, devices, options):
            self.devices += devices


    def InferenceSession(path, options):
        assert options.entries == {"session.disable_cpu_ep_fallback": "1"}
        (device,) = options.devices
        assert device.ep_name == "NvTensorRTRTXExecutionProvider"
        return real.InferenceSession(
            path, providers=["CPUExecutionProvider"]
        )
""")

RTX_PLUGIN = textwrap.dedent("""
    __version__ = "stand-in"


    def get_ep_name():
        return "NvTensorRTRTXExecutionProvider"


    def get_library_path():
        return "/somewhere/plugin.so"
""")


def rtx_stand_ins(folder):
    """Writes the modules into a folder from which Python is to import.

    Args:
        folder: The folder, which is made.

    Returns:
        The folder.
    """
    folder.mkdir()
    text = f"FOLDER = {str(folder)!r}\n{RTX_ONNXRUNTIME}"
    (folder / "onnxruntime.py").write_text(text)
    (folder / "onnxruntime_ep_nv_tensorrt_rtx.py").write_text(RTX_PLUGIN)
    return folder
