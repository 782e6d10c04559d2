"""Export to a TensorFlow SavedModel."""

from kerasseg.export import ends
from kerasseg.export import operators
from kerasseg.export import runtimes
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
    verify_on=None,
    labels=None,
) -> ExportReport:
    """Exports a model to a SavedModel and proves that it computes the same.

    The signature `serving_default` takes `images`
    `(1, height, width, channels)`, `float32`, RGB, 0..255, and returns
    `logits` or `mask`. The folder appears at `path`, with a sidecar
    `path.json`, only after TensorFlow has loaded it and its results agree
    with the model's. Needs the TensorFlow backend.

    Args:
        model: `keras.Model` from images to logits
            `(batch, height, width, num_classes)`.
        path: Folder to write. An older SavedModel there is kept until the
            new one is proven.
        image_shape: `(height, width)` or `(height, width, channels)` of the
            input. Defaults to the shape that the model was built for.
        precision: `"float32"`. Defaults to `"float32"`.
        output: `"logits"`, or `"mask"` for class ids `(1, height, width)`,
            `uint8`. Defaults to `"logits"`.
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
        variant=Variant(precision=precision, output=output),
        verify_on=verify_on,
        labels=labels,
    )


def write_saved_model(source, path) -> None:
    """Writes the traced model with its variables and one signature.

    Args:
        source: The `Source` to write.
        path: Folder to write.
    """
    import tensorflow as tf

    concrete = source.traced.get_concrete_function()
    module = tf.Module()
    module.weights = list(concrete.variables)
    tf.saved_model.save(
        module, str(path), signatures={"serving_default": concrete}
    )


SAVED_MODEL = Format(
    name="saved_model",
    suffix="",
    extra="tensorflow",
    modules=("tensorflow",),
    packages=("tensorflow",),
    backends=("tensorflow",),
    convert=write_saved_model,
    open=runtimes.open_saved_model,
    operators=operators.saved_model_operators,
    ends=ends.saved_model_ends,
)
