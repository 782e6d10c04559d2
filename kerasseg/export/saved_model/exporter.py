"""Export to a TensorFlow SavedModel."""

from kerasseg.export.arguments import explain_arguments
from kerasseg.export.format import Format
from kerasseg.export.model.trace import Trace
from kerasseg.export.options import ExportOptions
from kerasseg.export.pipeline import export
from kerasseg.export.report import ExportReport
from kerasseg.export.saved_model import runtime
from kerasseg.export.saved_model.encoded import CHANNELS
from kerasseg.export.saved_model.encoded import SIGNATURE
from kerasseg.export.saved_model.encoded import encoded_function
from kerasseg.export.saved_model.encoded import verify_encoded


class SavedModelFormat(Format):
    """A SavedModel, run by TensorFlow alone as a server does."""

    name = "saved_model"

    def convert(self, frozen, path):
        write_saved_model(frozen, path, encoded=frozen.shape[3] in CHANNELS)

    def open(self, path):
        return runtime.open_saved_model(path)

    def operators(self, path):
        return runtime.count_operators(path)

    def signature(self, path):
        return runtime.read_signature(path)

    def extra_signatures(self, path, images):
        return verify_encoded(path, images)


def write_saved_model(frozen, path, encoded=False) -> None:
    """Writes the traced model with its variables and signatures.

    Args:
        frozen: The `FrozenModel` to write.
        path: Folder to write.
        encoded: Whether a second signature takes the bytes of an image.
            Defaults to `False`.
    """
    import tensorflow as tf

    trace = Trace(frozen, "saved_model")
    signatures = {"serving_default": trace.concrete}
    if encoded:
        function = encoded_function(trace.function, frozen.shape)
        signatures[SIGNATURE] = function.get_concrete_function()
    module = tf.Module()
    module.weights = list(signatures["serving_default"].variables)
    tf.saved_model.save(module, str(path), signatures=signatures)


FORMAT = SavedModelFormat()


@explain_arguments
def to_saved_model(
    model,
    path,
    *,
    image_shape=None,
    precision="float32",
    output="logits",
    gate=None,
    verify_on=None,
    labels=None,
    channels=None,
) -> ExportReport:
    """Exports a model to a SavedModel and verifies that it computes the same.

    The signature `serving_default` takes `images`
    `(1, height, width, channels)`, `float32`, RGB, 0..255, and returns
    `logits` or `mask`. The folder appears at `path`, with a sidecar
    `path.json`, only after TensorFlow has loaded it and its results agree
    with the model's. Needs the TensorFlow backend.

    For images of 1 or 3 channels the signature `serving_encoded` takes
    `encoded`, the bytes of one JPEG or PNG file as a string tensor `(1,)`,
    and returns the same. An image of another size is resized to
    `image_shape` (bilinear, antialiased), which is the size of the output
    too. The orientation that EXIF data name is not applied.

    Args:
        {{model}}
        path: Folder to write. An older SavedModel there is kept until the
            new one is verified.
        {{image_shape}}
        precision: `"float32"`. Defaults to `"float32"`.
        {{output}}
        {{gate}}
        {{verify_on}}
        {{labels}}
        {{channels}}

    Returns:
        An `ExportReport`.

    Raises:
        ValueError: If an argument cannot be honored.
        ImportError: If TensorFlow is missing.
        ExportError: If the conversion fails or its result differs.
    """
    options = ExportOptions(
        precision=precision, output=output, gate=gate, channels=channels
    )
    return export(FORMAT, model, path, options, image_shape, verify_on, labels)
