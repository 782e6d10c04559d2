"""Export to LiteRT (TensorFlow Lite)."""

from kerasseg.export.arguments import explain_arguments
from kerasseg.export.format import Format
from kerasseg.export.litert import runtime
from kerasseg.export.litert.convert import convert
from kerasseg.export.options import ExportOptions
from kerasseg.export.pipeline import export
from kerasseg.export.report import ExportReport


class LiteRTFormat(Format):
    """A LiteRT file, run in the plain interpreter."""

    name = "litert"

    def convert(self, frozen, path):
        return convert(frozen, path)

    def open(self, path):
        return runtime.open_litert(path)

    def operators(self, path):
        return runtime.count_operators(path)

    def signature(self, path):
        return runtime.read_signature(path)

    def quantization(self, path):
        return runtime.quantization_of(path)

    def float_operators(self, path):
        return runtime.float_operators(path)


FORMAT = LiteRTFormat()


@explain_arguments
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
    channels=None,
) -> ExportReport:
    """Exports a model to LiteRT and verifies that it computes the same.

    The file holds LiteRT's own operators only. Its signature
    `serving_default` takes `images` `(1, height, width, channels)`, in
    0..255, and returns `logits` or `mask`. It appears at `path`, with a
    sidecar `path.json`, only after the plain LiteRT interpreter has loaded
    it and its results agree with the model's. Needs the TensorFlow backend.

    In float16 the weights are stored in half precision and the runtime
    chooses how to compute. In int8 weights (with one scale for each filter),
    activations, pixels and logits are integers; the sidecar states the
    scales. With `uint8` input a pixel is the number in the image file. In
    mixed precision the logits are float, and so are the layers that
    lose most by quantization, measured on two of the calibration images.

    Args:
        {{model}}
        path: File to write, ending with `.tflite`. An older file there is
            kept until the new one is verified.
        {{image_shape}}
        {{precision}}
        {{calibration}}
        {{gate}}
        input_dtype: `"uint8"` or `"int8"` pixels in an `"int8"` or `"mixed"`
            file, which in `"mixed"` may be `"float32"` too. Defaults to
            `"uint8"` there, else to `"float32"`.
        {{output}}
        {{verify_on}}
        {{labels}}
        {{channels}}

    Returns:
        An `ExportReport`.

    Raises:
        ValueError: If an argument cannot be honored.
        ImportError: If TensorFlow or LiteRT is missing.
        ExportError: If the conversion fails, needs operators that LiteRT
            does not have, or its result differs or loses too much.
    """
    options = ExportOptions(
        precision=precision,
        output=output,
        input_dtype=input_dtype,
        calibration=calibration,
        gate=gate,
        channels=channels,
    )
    return export(FORMAT, model, path, options, image_shape, verify_on, labels)
