"""From a traced model to a LiteRT file."""

import contextlib
from pathlib import Path

from kerasseg.export.errors import ExportError
from kerasseg.export.litert.graph import with_signature
from kerasseg.export.litert.quantize import LiteRTQuantizer
from kerasseg.export.litert.ranges import unmarked
from kerasseg.export.litert.runtime import custom_operators
from kerasseg.export.model.trace import Trace
from kerasseg.export.quantization import MEASURED_IMAGES
from kerasseg.export.quantization import Conversion
from kerasseg.export.quantization import kept_in_float
from kerasseg.formats import INTEGERS


def convert(frozen, path) -> Conversion:
    """Converts the traced model with LiteRT's own operators.

    Args:
        frozen: The `FrozenModel` to convert.
        path: File to write.

    Returns:
        What a `Conversion` tells of a file with integers.

    Raises:
        ExportError: If other operators are needed; they are named.
    """
    import tensorflow as tf

    path = Path(path)
    trace = Trace(frozen, "litert")
    try:
        content = _converted(trace, frozen.options.precision)
    except Exception:
        _name_flex(trace, path, tf.lite.OpsSet.SELECT_TF_OPS)
        raise
    learned = {}
    if frozen.options.precision in INTEGERS:
        content, learned = unmarked(content)
    path.write_bytes(with_signature(content, frozen.options.output))
    _refuse_custom(path)
    if frozen.options.calibration is None:
        return Conversion()
    return _quantized(frozen, path, learned)


def _quantized(frozen, path, learned):
    """Replaces a file in float32 by one with integers, and keeps both."""
    plain = path.with_name("float32.tflite")
    path.replace(plain)
    quantizer = LiteRTQuantizer(plain.read_bytes(), frozen, learned)
    layers = quantizer.layers(frozen.calibration_batches(MEASURED_IMAGES))
    kept = []
    if frozen.options.precision == "mixed":
        kept = kept_in_float(layers, quantizer.logits)
    path.write_bytes(quantizer.content(kept))
    return Conversion.of(layers, kept, plain, len(learned))


def _name_flex(trace, path, flex):
    """Converts with Flex operators, only to read their names."""
    with contextlib.suppress(Exception):
        path.write_bytes(_converted(trace, "float32", also=(flex,)))
    if path.exists():
        _refuse_custom(path)


def _converted(trace, precision, also=()):
    """Converts to float16, or to float32 for all other precisions."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [trace.concrete], trace.function
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
    names = custom_operators(path)
    if names:
        raise ExportError(
            f"The model needs operators that the plain LiteRT runtime does "
            f"not have: {', '.join(names)}. Replace the layers that make "
            f"them: keep tensors at rank 4 and shapes static."
        )
