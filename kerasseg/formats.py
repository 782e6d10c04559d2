"""The formats that models are exported to, and what is fixed about each.

The command line, `doctor`, the benchmark and the exporters read these facts.
Nothing here imports a runtime: what a format does is in the folder of its
name in `kerasseg/export`.
"""

import dataclasses
from collections.abc import Mapping

# Precisions with integers, which calibration images must scale.
INTEGERS = ("int8", "mixed")
_FLOAT32 = ("float32",)
_ALL_FLOAT32_PIXELS = {
    "float32": _FLOAT32,
    "float16": _FLOAT32,
    "int8": _FLOAT32,
    "mixed": _FLOAT32,
}


@dataclasses.dataclass(frozen=True)
class FormatFacts:
    """What is known of a format without any of its packages.

    Args:
        name: Name in reports and sidecars; the exporter is
            `kerasseg.export.to_<name>`.
        title: Name in tables.
        suffix: End of its file names; empty for a folder.
        extra: Extra of kerasseg that brings its packages.
        modules: Modules that converting and running it import, that of its
            runtime last.
        packages: Distributions of these modules, in the same order.
        backends: Keras backends that it can be made from. Defaults to
            TensorFlow alone.
        precisions: Dictionary from number format to the possible formats of
            the pixels, the usual one first. Defaults to float32 alone.
        layouts: Layouts of its input and output. Defaults to `"NHWC"` alone.
        options: Arguments of its exporter that others lack. Defaults to
            none.
        needs_gpu: Whether it runs on a GPU alone. Defaults to `False`.
    """

    name: str
    title: str
    suffix: str
    extra: str
    modules: tuple[str, ...]
    packages: tuple[str, ...]
    backends: tuple[str, ...] = ("tensorflow",)
    precisions: Mapping = dataclasses.field(
        default_factory=lambda: {"float32": _FLOAT32}
    )
    layouts: tuple[str, ...] = ("NHWC",)
    options: tuple[str, ...] = ()
    needs_gpu: bool = False

    @property
    def runtime(self) -> tuple[str, str]:
        """Module and distribution of what runs it."""
        return self.modules[-1], self.packages[-1]

    def file_name(self, stem: str, precision: str = "float32") -> str:
        """Names a file of the format.

        Args:
            stem: Name of the model.
            precision: Number format of the file. Defaults to `"float32"`,
                which is not part of the name.

        Returns:
            The name, such as `lrr_4x_int8.tflite` or `lrr_4x_saved_model`.
        """
        if precision != "float32":
            stem = f"{stem}_{precision}"
        return f"{stem}{self.suffix or f'_{self.name}'}"


FORMATS = {
    facts.name: facts
    for facts in (
        FormatFacts(
            name="saved_model",
            title="SavedModel",
            suffix="",
            extra="tensorflow",
            modules=("tensorflow",),
            packages=("tensorflow",),
        ),
        FormatFacts(
            name="litert",
            title="LiteRT",
            suffix=".tflite",
            extra="litert",
            modules=("tensorflow", "ai_edge_litert.interpreter"),
            packages=("tensorflow", "ai-edge-litert"),
            precisions={
                "float32": _FLOAT32,
                "float16": _FLOAT32,
                "int8": ("uint8", "int8"),
                "mixed": ("uint8", "int8", "float32"),
            },
            options=("precision", "calibration", "input_dtype"),
        ),
        FormatFacts(
            name="onnx",
            title="ONNX",
            suffix=".onnx",
            extra="onnx",
            modules=("onnx", "onnxruntime"),
            packages=("onnx", "onnxruntime"),
            backends=("tensorflow", "torch", "jax"),
            precisions=_ALL_FLOAT32_PIXELS,
            layouts=("NHWC", "NCHW"),
            options=(
                *("precision", "calibration", "layout"),
                *("opset", "exporter", "weight_bits"),
            ),
        ),
        FormatFacts(
            name="openvino",
            title="OpenVINO",
            suffix=".xml",
            extra="openvino",
            modules=("onnx", "openvino"),
            packages=("onnx", "openvino"),
            backends=("tensorflow", "torch", "jax"),
            precisions=_ALL_FLOAT32_PIXELS,
            layouts=("NHWC", "NCHW"),
            options=("precision", "calibration", "layout"),
        ),
        FormatFacts(
            name="tensorrt",
            title="TensorRT",
            suffix=".engine",
            extra="tensorrt",
            modules=("cuda.bindings.runtime", "tensorrt"),
            packages=("cuda-python", "tensorrt"),
            backends=("tensorflow", "torch", "jax"),
            precisions=_ALL_FLOAT32_PIXELS,
            layouts=("NHWC", "NCHW"),
            options=("precision", "calibration", "layout", "opset"),
            needs_gpu=True,
        ),
        FormatFacts(
            name="tensorrt_rtx",
            title="TensorRT for RTX",
            suffix=".engine",
            extra="tensorrt-rtx",
            modules=("onnx", "onnxruntime_ep_nv_tensorrt_rtx"),
            packages=("onnx", "onnxruntime-ep-nv-tensorrt-rtx-cu13"),
            backends=("tensorflow", "torch", "jax"),
            precisions=_ALL_FLOAT32_PIXELS,
            layouts=("NHWC", "NCHW"),
            options=("precision", "calibration", "layout", "opset"),
            needs_gpu=True,
        ),
    )
}


@dataclasses.dataclass(frozen=True)
class RuntimeFacts:
    """Another runtime of a format than that of its exporter.

    Args:
        name: Name in arguments.
        title: Name in tables and sentences.
        format: Name of the format that it runs.
        extra: Extra of kerasseg that brings its packages.
        module: Module whose import tells whether it is there.
        package: Distribution whose version is told.
    """

    name: str
    title: str
    format: str
    extra: str
    module: str
    package: str


RUNTIMES = {
    facts.name: facts
    for facts in (
        RuntimeFacts(
            name="tensorrt_rtx",
            title="TensorRT for RTX through ONNX Runtime",
            format="onnx",
            extra="tensorrt-rtx",
            module="onnxruntime",
            package="onnxruntime-ep-nv-tensorrt-rtx-cu13",
        ),
    )
}
