"""Export to a TensorFlow SavedModel."""

from kerasseg.export import ends
from kerasseg.export import operators
from kerasseg.export import runtimes
from kerasseg.export.encoded import CHANNELS
from kerasseg.export.encoded import SIGNATURE
from kerasseg.export.encoded import encoded_function
from kerasseg.export.encoded import prove_encoded
from kerasseg.export.pipeline import Format
from kerasseg.export.pipeline import export
from kerasseg.export.report import ExportReport
from kerasseg.export.variant import Variant


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
) -> ExportReport:
    """Exports a model to a SavedModel and proves that it computes the same.

    The signature `serving_default` takes `images`
    `(1, height, width, channels)`, `float32`, RGB, 0..255, and returns
    `logits` or `mask`. The folder appears at `path`, with a sidecar
    `path.json`, only after TensorFlow has loaded it and its results agree
    with the model's. Needs the TensorFlow backend.

    For images of 1 or 3 channels the signature `serving_encoded` takes
    `encoded`, the bytes of one JPEG or PNG file as a string tensor `(1,)`,
    and returns the same. A picture of another size is resized to
    `image_shape` (bilinear, antialiased), which is the size of the output
    too. The orientation that EXIF data name is not applied.

    Args:
        model: `keras.Model` from images to logits
            `(batch, height, width, num_classes)`.
        path: Folder to write. An older SavedModel there is kept until the
            new one is proven.
        image_shape: `(height, width)` or `(height, width, channels)` of the
            input. Defaults to the shape that the model was built for.
        precision: `"float32"`. Defaults to `"float32"`.
        output: `"logits"`, or `"mask"` for class ids `(1, height, width)`,
            `uint8`, or `"coarse_mask"` for class ids that were chosen before
            the last upsampling: pixels share them in cells. Its loss is
            measured and has to pass `gate`. Defaults to `"logits"`.
        gate: `kerasseg.export.Gate` with the loss that a coarse mask may
            cause. Defaults to one point of mean IoU, or 98 % mask agreement
            without masks.
        verify_on: Images for the proof: a data set or a sequence of images,
            `(image, mask)` pairs or paths. Defaults to seeded random images.
        labels: `kerasseg.data.Labels` for the sidecar. Defaults to those of
            `verify_on`, where it has any.

    Returns:
        An `ExportReport`.

    Raises:
        ValueError: If an argument cannot be honoured.
        ImportError: If TensorFlow is missing.
        ExportError: If the conversion fails or its result differs.
    """
    return export(
        SAVED_MODEL,
        model,
        path,
        image_shape=image_shape,
        variant=Variant(precision=precision, output=output, gate=gate),
        verify_on=verify_on,
        labels=labels,
    )


def write_saved_model(source, path, encoded=False) -> None:
    """Writes the traced model with its variables and signatures.

    Args:
        source: The `Source` to write.
        path: Folder to write.
        encoded: Whether a second signature takes the bytes of a picture.
            Defaults to `False`.
    """
    import tensorflow as tf

    traced = source.trace_for("saved_model")
    signatures = {"serving_default": traced.get_concrete_function()}
    if encoded:
        function = encoded_function(source)
        signatures[SIGNATURE] = function.get_concrete_function()
    module = tf.Module()
    module.weights = list(signatures["serving_default"].variables)
    tf.saved_model.save(module, str(path), signatures=signatures)


def _write_served(source, path):
    write_saved_model(source, path, encoded=source.shape[3] in CHANNELS)


SAVED_MODEL = Format(
    name="saved_model",
    suffix="",
    extra="tensorflow",
    modules=("tensorflow",),
    packages=("tensorflow",),
    backends=("tensorflow",),
    convert=_write_served,
    open=runtimes.open_saved_model,
    operators=operators.saved_model_operators,
    ends=ends.saved_model_ends,
    besides=prove_encoded,
)
