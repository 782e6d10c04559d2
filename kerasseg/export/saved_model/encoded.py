"""A serving signature that takes the bytes of an image."""

import io

import numpy as np

from kerasseg.export.errors import ExportError
from kerasseg.export.errors import first_line
from kerasseg.export.errors import require
from kerasseg.export.proof.gate import MAX_RELATIVE_ERROR
from kerasseg.export.proof.gate import MIN_MASK_AGREEMENT
from kerasseg.export.workarounds import quiet

SIGNATURE = "serving_encoded"
CHANNELS = (1, 3)  # What JPEG and PNG hold without an alpha channel.
MEANING = (
    "the bytes of one JPEG or PNG file; an image of another size is resized "
    "to the size of the input images (bilinear, antialiased), and the output "
    "has that size; the orientation that EXIF names is not applied"
)
_OF_GRAY = "; colors become shades of gray"


def encoded_function(traced, shape):
    """Puts decoding and resizing before the traced model.

    Args:
        traced: `tf.function` from images to what the model returns.
        shape: Shape of the images, of 1 or 3 channels.

    Returns:
        `tf.function` from `encoded`, one string `(1,)`, to what the model
        returns for the image.
    """
    import tensorflow as tf

    size, channels = shape[1:3], shape[3]

    def from_bytes(encoded):
        image = tf.io.decode_image(
            encoded[0], channels=channels, expand_animations=False
        )
        image.set_shape((None, None, channels))
        # At the same size this gives back every pixel as it is.
        images = tf.image.resize(image[tf.newaxis], size, antialias=True)
        return traced(tf.ensure_shape(images, shape))

    signature = tf.TensorSpec((1,), tf.string, name="encoded")
    return tf.function(from_bytes, input_signature=[signature], autograph=False)


def verify_encoded(path, images) -> tuple[dict, tuple[str, ...]]:
    """Runs an image through both signatures of a SavedModel.

    Args:
        path: Folder of the SavedModel.
        images: Batch of one image, values 0..255.

    Returns:
        Entries of the sidecar, and sentences for the report; none of both
        where the folder has no such signature.

    Raises:
        ExportError: If the results differ.
    """
    tf = require("tensorflow", "tensorflow")
    pixels = np.clip(np.round(images), 0, 255).astype("uint8")
    try:
        with quiet(), tf.device("cpu:0"):
            signatures = tf.saved_model.load(str(path)).signatures
            if SIGNATURE not in signatures:
                return {}, ()
            plain, serve = signatures["serving_default"], signatures[SIGNATURE]
            expected = plain(images=tf.constant(pixels, tf.float32))
            found = serve(encoded=tf.constant([_png(pixels[0])]))
    except Exception as error:
        raise ExportError(
            f"The signature {SIGNATURE} cannot be run: {first_line(error)}"
        ) from error
    for name, values in expected.items():
        _check_same(name, values.numpy(), found[name].numpy())
    entry = {"name": "encoded", "shape": [1], "dtype": "string"}
    gray = pixels.shape[-1] == 1
    entry["meaning"] = MEANING + _OF_GRAY * gray
    return {"signatures": {SIGNATURE: {"input": entry}}}, (
        f"The signature {SIGNATURE} takes the bytes of a JPEG or PNG file; a "
        f"PNG through it gave what its pixels give.",
    )


def _png(pixels):
    from PIL import Image

    if pixels.shape[-1] == 1:
        pixels = pixels[..., 0]
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "png")
    return stream.getvalue()


def _check_same(name, expected, found):
    if name == "mask":
        agreement = float((expected == found).mean())
        same = agreement >= MIN_MASK_AGREEMENT
        difference = f"{100 * agreement:.2f} % of the mask agree"
    else:
        error = float(np.abs(expected - found).max())
        same = error <= MAX_RELATIVE_ERROR * float(np.ptp(expected))
        difference = f"the largest difference of two logits is {error:.3g}"
    if not same:
        raise ExportError(
            f"The signature {SIGNATURE} gives something else for a PNG than "
            f"serving_default gives for its pixels: {difference}."
        )
