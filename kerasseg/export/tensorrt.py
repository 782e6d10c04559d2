"""Export to TensorRT: a checked ONNX file, and the engine where one can be.

Building and running engines is untested on a GPU: the tests run it against a
stand-in for TensorRT.
"""

import dataclasses
import functools
import importlib.util
import math
import shlex
from pathlib import Path

import numpy as np

from kerasseg.export.artefact import checked_path
from kerasseg.export.errors import ExportError
from kerasseg.export.errors import require
from kerasseg.export.onnx import DEFAULT_OPSET
from kerasseg.export.onnx import ONNX
from kerasseg.export.onnx import check_opset
from kerasseg.export.onnx import onnx_packages
from kerasseg.export.onnx import write_onnx
from kerasseg.export.pipeline import Format
from kerasseg.export.pipeline import export
from kerasseg.export.report import ExportReport
from kerasseg.export.static import first_line
from kerasseg.export.tensorrt_check import check_for_tensorrt
from kerasseg.export.variant import Variant

# The first version that takes number formats from the ONNX file alone.
STRONGLY_TYPED = 11
# What TensorRT 10 must be allowed, in its builder and for trtexec.
BUILDER_FLAGS = {
    "float32": (),
    "float16": ("FP16",),
    "int8": ("INT8",),
    "mixed": ("INT8",),
}
UNTESTED = "Engines are untested on a GPU in this release."


def to_tensorrt(
    model,
    path,
    *,
    image_shape=None,
    precision="float32",
    calibration=None,
    gate=None,
    output="logits",
    layout="NHWC",
    verify_on=None,
    labels=None,
    opset=DEFAULT_OPSET,
) -> ExportReport:
    """Exports a model to ONNX for TensorRT, and builds the engine.

    First an ONNX file is written beside `path`, with the end `.onnx`: proven
    in ONNX Runtime, in the number format that TensorRT shall compute in, and
    with operators, attributes and number formats that TensorRT's published
    list has (`kerasseg/export/tensorrt_operators.py`). In int8 its zero
    points are zero, as TensorRT wants them.

    Where the package `tensorrt` is installed the engine is built for the GPU
    of this machine, run, compared with the model, and only then appears at
    `path`. TensorRT 10 is given the builder flags of the precision, TensorRT
    11 takes it from the ONNX file. Where the package is not installed the
    notes of the report state the command `trtexec` that builds the engine.

    **Building and running engines is untested on a GPU.** The tests use a
    stand-in for TensorRT; what was tested is the ONNX file.

    Args:
        model: `keras.Model` from images to logits
            `(batch, height, width, num_classes)`.
        path: File of the engine, ending with `.engine`.
        image_shape: `(height, width)` or `(height, width, channels)` of the
            input. Defaults to the shape that the model was built for.
        precision: `"float32"`, `"float16"` or `"int8"`. Defaults to
            `"float32"`.
        calibration: For `"int8"`, a data set or a sequence of images,
            `(image, mask)` pairs or paths, like those that the engine will
            see; up to 32 are used. Arrays must have the size of the input.
            Defaults to `None`.
        gate: `kerasseg.export.Gate` with the loss that `"float16"` and
            `"int8"` may cause. Defaults to one point of mean IoU, or 98 %
            mask agreement without masks.
        output: `"logits"`, or `"mask"` for class ids `(1, height, width)`,
            `uint8`, or `"coarse_mask"` for class ids that were chosen before
            the last upsampling: pixels share them in cells. Its loss is
            measured and has to pass `gate`. Defaults to `"logits"`.
        layout: `"NHWC"` or `"NCHW"` of input and logits. Defaults to
            `"NHWC"`.
        verify_on: Images for the proof: a data set or a sequence of images,
            `(image, mask)` pairs or paths, channels last whatever the
            layout. Defaults to some of the calibration images, or else to
            seeded random images.
        labels: `kerasseg.data.Labels` for the sidecars. Defaults to those of
            `verify_on` or `calibration`, where they have any.
        opset: Version of ONNX's operator set, 13 or more. Defaults to `18`.

    Returns:
        The `ExportReport` of the engine, or, where none was built, of the
        ONNX file.

    Raises:
        ValueError: If an argument cannot be honoured.
        ImportError: If onnx, onnxruntime or the converter is missing, or
            what runs the engine that would be built.
        ExportError: If the conversion fails, if TensorRT does not take the
            graph, or if a result differs or loses too much. An ONNX file
            that is proven stays where the engine fails.
    """
    check_opset(opset)
    path = checked_path(path, TENSORRT)
    graph = path.with_suffix(".onnx")
    modules, packages = onnx_packages()
    arguments = {
        "image_shape": image_shape,
        "variant": Variant(
            precision=precision,
            output=output,
            layout=layout,
            calibration=calibration,
            gate=gate,
        ),
        "verify_on": verify_on,
        "labels": labels,
    }
    form = dataclasses.replace(
        ONNX,
        modules=modules,
        packages=packages,
        convert=functools.partial(write_typed_onnx, opset=opset),
    )
    report = export(form, model, graph, **arguments)
    notes = (*report.notes, check_file(graph))
    if importlib.util.find_spec("tensorrt") is None:
        notes += (command(graph, path, precision), UNTESTED)
        return dataclasses.replace(report, notes=notes)
    form = dataclasses.replace(
        TENSORRT, convert=functools.partial(build_engine, graph=graph)
    )
    report = export(form, model, path, **arguments)
    notes += (f"Built from {graph.name}. {UNTESTED}",)
    return dataclasses.replace(report, notes=notes)


def write_typed_onnx(source, path, opset=DEFAULT_OPSET) -> None:
    """Writes an ONNX file that TensorRT takes.

    Args:
        source: The `Source` to convert.
        path: File to write.
        opset: Version of ONNX's operator set. Defaults to `18`.

    Raises:
        ExportError: If TensorRT does not take the graph.
    """
    write_onnx(source, path, opset, symmetric=True)
    check_file(path)


def check_file(path) -> str:
    """Compares an ONNX file with TensorRT's published operators.

    Args:
        path: Path of the `.onnx` file.

    Returns:
        Sentence on what was checked.

    Raises:
        ExportError: If TensorRT does not take the graph.
    """
    onnx = require("onnx", "onnx")
    return check_for_tensorrt(onnx.load(str(path)))


def command(graph, path, precision) -> str:
    """States how to build the engine by hand.

    Args:
        graph: Path of the `.onnx` file.
        path: Path of the engine.
        precision: Number format of the file.

    Returns:
        Sentences with the command.
    """
    # Without --noTF32 the factors of float32 products are rounded to 10 bits.
    words = [f"--onnx={graph}", f"--saveEngine={path}", "--noTF32"]
    line = shlex.join(["trtexec", *words])
    text = (
        f"No engine was built, since the package tensorrt is not installed. "
        f"Where it is, on the GPU that the engine is for: {line}"
    )
    flags = " ".join(f"--{flag.lower()}" for flag in BUILDER_FLAGS[precision])
    if flags:
        text += (
            f" (TensorRT 11 computes in the number formats of the ONNX file; "
            f"TensorRT 10 needs {flags} as well)"
        )
    return text + "."


def build_engine(source, path, graph) -> None:
    """Builds an engine for the GPU of this machine.

    Args:
        source: The `Source` that was exported.
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
        for name in BUILDER_FLAGS[source.variant.precision]:
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
        self._stream = self._checked(cuda.cudaStreamCreate())
        self._shape = tuple(engine.get_tensor_shape("images"))
        self._result = np.empty(
            tuple(engine.get_tensor_shape(target)),
            tensorrt.nptype(engine.get_tensor_dtype(target)),
        )
        size = 4 * math.prod(self._shape)
        self._entrance = self._checked(cuda.cudaMalloc(size))
        self._outlet = self._checked(cuda.cudaMalloc(self._result.nbytes))
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


def _unnamed(path):
    """An engine names no operators of ONNX."""
    return {}


TENSORRT = Format(
    name="tensorrt",
    suffix=".engine",
    extra="tensorrt",
    modules=("tensorrt", "cuda.bindings.runtime"),
    packages=("tensorrt", "cuda-python"),
    backends=ONNX.backends,
    convert=build_engine,
    open=open_tensorrt,
    operators=_unnamed,
    precisions=ONNX.precisions,
    layouts=ONNX.layouts,
)
