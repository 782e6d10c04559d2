"""A TensorRT engine: built and run on the GPU of this machine."""

import contextlib
import math
import weakref
from pathlib import Path

import numpy as np

from kerasseg.export.errors import ExportError
from kerasseg.export.errors import first_line
from kerasseg.export.errors import require

# The first version that takes number formats from the ONNX file alone.
STRONGLY_TYPED = 11
# What TensorRT 10 must be allowed, in its builder and for trtexec.
BUILDER_FLAGS = {
    "float32": (),
    "float16": ("FP16",),
    "int8": ("INT8",),
    "mixed": ("INT8",),
}


def build_engine(frozen, path, graph) -> None:
    """Builds an engine for the GPU of this machine.

    Args:
        frozen: The `FrozenModel` that was exported.
        path: File to write.
        graph: Path of the `.onnx` file.

    Raises:
        ExportError: If TensorRT refuses the graph or cannot build.
    """
    tensorrt = require("tensorrt", "tensorrt")
    require("cuda.bindings.runtime", "tensorrt")
    logger = tensorrt.Logger(tensorrt.Logger.WARNING)
    builder = tensorrt.Builder(logger)
    network = builder.create_network(0)
    parser = tensorrt.OnnxParser(network, logger)
    if not parser.parse(Path(graph).read_bytes()):
        errors = [parser.get_error(i).desc() for i in range(parser.num_errors)]
        raise ExportError(f"TensorRT refuses {graph.name}: {'; '.join(errors)}")
    config = builder.create_builder_config()
    config.clear_flag(tensorrt.BuilderFlag.TF32)
    if int(tensorrt.__version__.split(".")[0]) < STRONGLY_TYPED:
        for name in BUILDER_FLAGS[frozen.options.precision]:
            config.set_flag(getattr(tensorrt.BuilderFlag, name))
    engine = builder.build_serialized_network(network, config)
    if engine is None:
        raise ExportError(
            f"TensorRT {tensorrt.__version__} could not build an engine from "
            f"{graph.name}; its own messages say why."
        )
    Path(path).write_bytes(engine)


def open_tensorrt(path):
    """Loads an engine on the GPU.

    Args:
        path: Path of the `.engine` file.

    Returns:
        Function from an image batch to logits or class ids, numpy arrays
        with channels last.

    Raises:
        ExportError: If TensorRT refuses the file or CUDA fails.
    """
    tensorrt = require("tensorrt", "tensorrt")
    cuda = require("cuda.bindings.runtime", "tensorrt")
    runtime = tensorrt.Runtime(tensorrt.Logger(tensorrt.Logger.WARNING))
    engine = runtime.deserialize_cuda_engine(Path(path).read_bytes())
    if engine is None:
        raise ExportError("TensorRT cannot load the engine that was built.")
    names = [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)]
    target = next(iter(set(names) - {"images"}), None)
    if set(names) != {"images", target} or target not in ("logits", "mask"):
        raise ExportError(f"The engine has the inputs and outputs {names}.")
    return _Engine(tensorrt, cuda, engine, target, runtime)


class _Engine:
    """An engine with its memory on the GPU, called with image batches."""

    def __init__(self, tensorrt, cuda, engine, target, runtime):
        self._cuda = cuda
        self._target = target
        self._keep_alive = (runtime, engine)
        self._context = engine.create_execution_context()
        self._shape = tuple(engine.get_tensor_shape("images"))
        self._result = np.empty(
            tuple(engine.get_tensor_shape(target)),
            tensorrt.nptype(engine.get_tensor_dtype(target)),
        )
        size = 4 * math.prod(self._shape)
        with contextlib.ExitStack() as stack:
            self._stream = self._checked(cuda.cudaStreamCreate())
            stack.callback(cuda.cudaStreamDestroy, self._stream)
            self._entrance = self._checked(cuda.cudaMalloc(size))
            stack.callback(cuda.cudaFree, self._entrance)
            self._outlet = self._checked(cuda.cudaMalloc(self._result.nbytes))
            stack.callback(cuda.cudaFree, self._outlet)
            weakref.finalize(self, stack.pop_all().close)
        self._context.set_tensor_address("images", self._entrance)
        self._context.set_tensor_address(target, self._outlet)

    def __call__(self, images):
        first = images.shape != self._shape
        if first:
            images = images.transpose(0, 3, 1, 2)
        images = np.ascontiguousarray(images, "float32")
        result = self._result
        kind = self._cuda.cudaMemcpyKind
        there, back = kind.cudaMemcpyHostToDevice, kind.cudaMemcpyDeviceToHost
        self._copy(self._entrance, images.ctypes.data, images.nbytes, there)
        if not self._context.execute_async_v3(int(self._stream)):
            raise ExportError("TensorRT could not run the engine.")
        self._copy(result.ctypes.data, self._outlet, result.nbytes, back)
        self._checked(self._cuda.cudaStreamSynchronize(self._stream))
        result = result.copy()
        if first and self._target == "logits":
            result = result.transpose(0, 2, 3, 1)
        return result

    def _copy(self, to, start, size, direction):
        self._checked(
            self._cuda.cudaMemcpyAsync(to, start, size, direction, self._stream)
        )

    def _checked(self, answer):
        """The value that a CUDA function returned beside its error code."""
        error, *values = answer
        if int(error):
            raise ExportError(f"CUDA failed: {first_line(error)}.")
        return values[0] if values else None
