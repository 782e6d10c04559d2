"""Export to LiteRT (TensorFlow Lite)."""

import contextlib
from pathlib import Path

from kerasseg.export import ends
from kerasseg.export import litert_graph
from kerasseg.export import operators
from kerasseg.export import runtimes
from kerasseg.export.errors import ExportError
from kerasseg.export.litert_rounding import LitertRounding
from kerasseg.export.pipeline import Format
from kerasseg.export.pipeline import export
from kerasseg.export.report import ExportReport
from kerasseg.export.rounding import MEASURED_IMAGES
from kerasseg.export.rounding import Conversion
from kerasseg.export.rounding import kept_in_float
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
    scales. With `uint8` input a pixel is the number in the image file. In
    mixed precision the logits are real numbers, and so are the layers that
    lose most by rounding, measured on two of the calibration images.

    Args:
        model: `keras.Model` from images to logits
            `(batch, height, width, num_classes)`.
        path: File to write, ending with `.tflite`. An older file there is
            kept until the new one is proven.
        image_shape: `(height, width)` or `(height, width, channels)` of the
            input. Defaults to the shape that the model was built for.
        precision: `"float32"`, `"float16"`, `"int8"` or `"mixed"`. Defaults
            to `"float32"`.
        calibration: For `"int8"` and `"mixed"`, a data set or a sequence of
            images, `(image, mask)` pairs or paths, like those that the file
            will see; up to 16 are used. Arrays must have the size of the
            input. Defaults to `None`.
        gate: `kerasseg.export.Gate` with the loss that rounding to
            `"float16"`, `"int8"` or `"mixed"` may cause. Defaults to one
            point of mean IoU, or 98 % mask agreement without masks.
        input_dtype: `"uint8"` or `"int8"` pixels in an `"int8"` or `"mixed"`
            file, which in `"mixed"` may be `"float32"` too. Defaults to
            `"uint8"` there, else to `"float32"`.
        output: `"logits"`, or `"mask"` for class ids `(1, height, width)`,
            `uint8`, or `"coarse_mask"` for class ids that were chosen before
            the last upsampling: pixels share them in cells. Its loss is
            measured and has to pass `gate`. Defaults to `"logits"`.
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


def write_litert(source, path) -> Conversion:
    """Converts the traced model with LiteRT's own operators.

    Args:
        source: The `Source` to convert.
        path: File to write.

    Returns:
        What a `Conversion` tells of a file with integers.

    Raises:
        ExportError: If other operators are needed; they are named.
    """
    import tensorflow as tf

    path = Path(path)
    source.trace_for("litert")
    try:
        content = _converted(source, source.variant.precision)
    except Exception:
        _name_flex(source, path, tf.lite.OpsSet.SELECT_TF_OPS)
        raise
    path.write_bytes(
        litert_graph.with_signature(content, source.variant.output)
    )
    _refuse_custom(path)
    if source.variant.calibration is None:
        return Conversion()
    return _rounded(source, path)


def _rounded(source, path):
    """Replaces a file in float32 by one with integers, and keeps both."""
    plain = path.with_name("float32.tflite")
    path.replace(plain)
    rounding = LitertRounding(plain.read_bytes(), source)
    layers = rounding.layers(source.calibration_batches(MEASURED_IMAGES))
    kept = []
    if source.variant.precision == "mixed":
        kept = kept_in_float(layers, rounding.scores)
    path.write_bytes(rounding.content(kept))
    return Conversion.of(layers, kept, plain)


def _name_flex(source, path, flex):
    """Converts with Flex operators, only to read their names."""
    with contextlib.suppress(Exception):
        path.write_bytes(_converted(source, "float32", also=(flex,)))
    if path.exists():
        _refuse_custom(path)


def _converted(source, precision, also=()):
    """Converts to float16, or to float32 for all other precisions."""
    import tensorflow as tf

    function = source.traced.get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [function], source.model
    )
    # Straight from the graph takes a third of the way by a SavedModel.
    converter.experimental_lower_to_saved_model = False
    builtins = tf.lite.OpsSet.TFLITE_BUILTINS
    converter.target_spec.supported_ops = [builtins, *also]
    if precision == "float16":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
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
        "mixed": ("uint8", "int8", "float32"),
    },
    quantization=runtimes.litert_quantization,
    kept_in_float=operators.litert_float_operators,
    ends=ends.litert_ends,
)
