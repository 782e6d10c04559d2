"""Export to LiteRT (TensorFlow Lite)."""

import contextlib
from pathlib import Path

from kerasseg.export import runtimes
from kerasseg.export.errors import ExportError
from kerasseg.export.pipeline import Format
from kerasseg.export.pipeline import export
from kerasseg.export.report import ExportReport
from kerasseg.export.saved_model import write_saved_model


def to_litert(
    model,
    path,
    *,
    image_shape=None,
    precision="float32",
    output="logits",
    verify_on=None,
    labels=None,
) -> ExportReport:
    """Exports a model to LiteRT and proves that it computes the same.

    The file holds LiteRT's own operators only. Its signature
    `serving_default` takes `images` `(1, height, width, channels)`,
    `float32`, RGB, 0..255, and returns `logits`. It appears at `path`, with
    a sidecar `path.json`, only after the plain LiteRT interpreter has loaded
    it and its logits agree with the model's. Needs the TensorFlow backend.

    Args:
        model: `keras.Model` from images to logits
            `(batch, height, width, num_classes)`.
        path: File to write, ending with `.tflite`. An older file there is
            kept until the new one is proven.
        image_shape: `(height, width)` or `(height, width, channels)` of the
            input. Defaults to the shape that the model was built for.
        precision: `"float32"`. Defaults to `"float32"`.
        output: `"logits"`. Defaults to `"logits"`.
        verify_on: Images for the proof: a data set or a sequence of images,
            `(image, mask)` pairs or paths. Defaults to seeded random images.
        labels: `kerasseg.data.Labels` for the sidecar. Defaults to those of
            `verify_on`, where it has any.

    Returns:
        An `ExportReport`.

    Raises:
        ValueError: If an argument cannot be honoured.
        ImportError: If TensorFlow or LiteRT is missing.
        ExportError: If the conversion fails, needs operators that LiteRT
            does not have, or its result differs.
    """
    return export(
        LITERT,
        model,
        path,
        image_shape=image_shape,
        precision=precision,
        output=output,
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
    builtins = [tf.lite.OpsSet.TFLITE_BUILTINS]
    try:
        content = _converted(folder, builtins)
    except Exception:
        _name_flex(folder, path, [*builtins, tf.lite.OpsSet.SELECT_TF_OPS])
        raise
    Path(path).write_bytes(content)
    _refuse_custom(path)


def _name_flex(folder, path, operators):
    """Converts with Flex operators, only to read their names."""
    with contextlib.suppress(Exception):
        Path(path).write_bytes(_converted(folder, operators))
    if Path(path).exists():
        _refuse_custom(path)


def _converted(folder, operators):
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(folder), signature_keys=["serving_default"]
    )
    converter.target_spec.supported_ops = operators
    return converter.convert()


def _refuse_custom(path):
    names = runtimes.litert_custom_operators(path)
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
    operators=runtimes.litert_operators,
)
