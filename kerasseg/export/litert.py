"""Export to LiteRT (TensorFlow Lite)."""

import contextlib
import dataclasses
from pathlib import Path

from kerasseg.export import ends
from kerasseg.export import operators
from kerasseg.export import runtimes
from kerasseg.export.errors import ExportError
from kerasseg.export.pipeline import Format
from kerasseg.export.pipeline import export
from kerasseg.export.report import ExportReport
from kerasseg.export.saved_model import write_saved_model
from kerasseg.export.variant import Variant


def to_litert(
    model,
    path,
    *,
    image_shape=None,
    precision="float32",
    calibration=None,
    gate=None,
    input_dtype=None,
    output="logits",
    verify_on=None,
    labels=None,
) -> ExportReport:
    """Exports a model to LiteRT and proves that it computes the same.

    The file holds LiteRT's own operators only. Its signature
    `serving_default` takes `images` `(1, height, width, channels)`, RGB,
    0..255, and returns `logits` or `mask`. It appears at `path`, with a
    sidecar `path.json`, only after the plain LiteRT interpreter has loaded
    it and its results agree with the model's. Needs the TensorFlow backend.

    In float16 the weights are stored in half precision and the runtime
    chooses how to compute. In int8 weights (with one scale for each filter),
    activations, pixels and logits are integers; the sidecar states the
    scales. With `uint8` input a pixel is the number in the image file.

    Args:
        model: `keras.Model` from images to logits
            `(batch, height, width, num_classes)`.
        path: File to write, ending with `.tflite`. An older file there is
            kept until the new one is proven.
        image_shape: `(height, width)` or `(height, width, channels)` of the
            input. Defaults to the shape that the model was built for.
        precision: `"float32"`, `"float16"` or `"int8"`. Defaults to
            `"float32"`.
        calibration: For `"int8"`, a data set or a sequence of images,
            `(image, mask)` pairs or paths, like those that the file will
            see; up to 32 are used. Arrays must have the size of the input.
            Defaults to `None`.
        gate: `kerasseg.export.Gate` with the loss that `"float16"` and
            `"int8"` may cause. Defaults to one point of mean IoU, or 98 %
            mask agreement without masks.
        input_dtype: `"uint8"` or `"int8"` pixels in an `"int8"` file.
            Defaults to `"uint8"` there, else to `"float32"`.
        output: `"logits"`, or `"mask"` for class ids `(1, height, width)`,
            `uint8`. Defaults to `"logits"`.
        verify_on: Images for the proof: a data set or a sequence of images,
            `(image, mask)` pairs or paths. Defaults to some of the
            calibration images, or else to seeded random images.
        labels: `kerasseg.data.Labels` for the sidecar. Defaults to those of
            `verify_on` or `calibration`, where they have any.

    Returns:
        An `ExportReport`.

    Raises:
        ValueError: If an argument cannot be honoured.
        ImportError: If TensorFlow or LiteRT is missing.
        ExportError: If the conversion fails, needs operators that LiteRT
            does not have, or its result differs or loses too much.
    """
    return export(
        LITERT,
        model,
        path,
        image_shape=image_shape,
        variant=Variant(
            precision=precision,
            output=output,
            input_dtype=input_dtype,
            calibration=calibration,
            gate=gate,
        ),
        verify_on=verify_on,
        labels=labels,
    )


def write_litert(source, path) -> None:
    """Converts the traced model with LiteRT's own operators.

    Args:
        source: The `Source` to convert.
        path: File to write.

    Raises:
        ExportError: If other operators are needed; they are named.
    """
    import tensorflow as tf

    folder = Path(path).with_suffix(".saved_model")
    write_saved_model(source, folder)
    try:
        content = _converted(folder, source)
    except Exception:
        plain = dataclasses.replace(source, variant=Variant())
        _name_flex(folder, path, plain, tf.lite.OpsSet.SELECT_TF_OPS)
        raise
    Path(path).write_bytes(content)
    _refuse_custom(path)


def _name_flex(folder, path, plain, flex):
    """Converts with Flex operators, only to read their names."""
    with contextlib.suppress(Exception):
        content = _converted(folder, plain, also=(flex,))
        Path(path).write_bytes(content)
    if Path(path).exists():
        _refuse_custom(path)


def _converted(folder, source, also=()):
    import tensorflow as tf

    variant = source.variant
    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(folder), signature_keys=["serving_default"]
    )
    allowed = tf.lite.OpsSet.TFLITE_BUILTINS
    if variant.precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if variant.precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if variant.precision == "int8":
        allowed = tf.lite.OpsSet.TFLITE_BUILTINS_INT8
        converter.representative_dataset = lambda: (
            {"images": images} for images in source.calibration_batches()
        )
        converter.inference_input_type = tf.as_dtype(variant.input_dtype)
        if variant.output == "logits":
            converter.inference_output_type = converter.inference_input_type
    converter.target_spec.supported_ops = [allowed, *also]
    return converter.convert()


def _refuse_custom(path):
    names = operators.litert_custom_operators(path)
    if names:
        raise ExportError(
            f"The model needs operators that the plain LiteRT runtime does "
            f"not have: {', '.join(names)}. Replace the layers that make "
            f"them: keep tensors at rank 4 and shapes static."
        )


LITERT = Format(
    name="litert",
    suffix=".tflite",
    extra="litert",
    modules=("tensorflow", "ai_edge_litert.interpreter"),
    packages=("tensorflow", "ai-edge-litert"),
    backends=("tensorflow",),
    convert=write_litert,
    open=runtimes.open_litert,
    operators=operators.litert_operators,
    precisions={
        "float32": ("float32",),
        "float16": ("float32",),
        "int8": ("uint8", "int8"),
    },
    quantization=runtimes.litert_quantization,
    kept_in_float=operators.litert_float_operators,
    ends=ends.litert_ends,
)
