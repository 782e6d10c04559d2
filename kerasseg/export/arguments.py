"""The arguments that several exporters have, each explained once."""

import re
import textwrap

from kerasseg.export.quantization import SCALED_IMAGES

ARGUMENTS = {
    "model": "`keras.Model` from images to logits `(batch, height, width, "
    "num_classes)`.",
    "image_shape": "`(height, width)` or `(height, width, channels)` of the "
    "input. Defaults to the shape that the model was built for.",
    "precision": '`"float32"`, `"float16"`, `"int8"` or `"mixed"`. Defaults '
    'to `"float32"`.',
    "calibration": 'For `"int8"` and `"mixed"`, a dataset or a sequence of '
    "images, `(image, mask)` pairs or paths, like those that the file will "
    f"see; up to {SCALED_IMAGES} set the ranges of the integers, but those "
    "that a model of `kerasseg.training.quantization_aware` has learned. "
    "Arrays must have the size of the input. Defaults to `None`.",
    "gate": "`kerasseg.export.Gate` with the loss that a precision other than "
    '`"float32"`, or a coarse mask, may cause. Defaults to one point of mean '
    "IoU, or 98 % mask agreement without masks.",
    "output": '`"logits"`, or `"mask"` for class ids `(1, height, width)`, '
    '`uint8`, or `"coarse_mask"` for class ids that were chosen before the '
    "last upsampling: the pixels of a block share one. Its loss is measured "
    'and has to pass `gate`. Defaults to `"logits"`.',
    "layout": '`"NHWC"` or `"NCHW"` of input and logits. Defaults to `"NHWC"`.',
    "verify_on": "Images for the proof: a dataset or a sequence of images, "
    "`(image, mask)` pairs or paths, channels last whatever the layout. "
    "Defaults to some of the calibration images, or else to seeded random "
    "images.",
    "labels": "`kerasseg.data.Labels` for the sidecar. Defaults to those of "
    "`verify_on` or `calibration`, where they have any.",
    "channels": "A name for each channel of the images, for the sidecar, such "
    'as `("red", "green", "blue", "infrared")`. Defaults to `"RGB"` of three, '
    '`"gray"` of one, and the numbers of the bands of others.',
    "opset": "Version of ONNX's operator set, 13 or more. Defaults to `18`.",
}
_PLACE = re.compile(r"^( *)\{\{(\w+)\}\}$", re.MULTILINE)


def explain_arguments(exporter):
    """Writes the shared explanations into the docstring of an exporter.

    Args:
        exporter: Function whose docstring has a line `{{name}}` for each
            argument that is explained here.

    Returns:
        The same function.
    """
    if exporter.__doc__:  # Python removes docstrings if it is asked to.
        exporter.__doc__ = _PLACE.sub(_explanation, exporter.__doc__)
    return exporter


def _explanation(place):
    indent, name = place.groups()
    return textwrap.fill(
        f"{name}: {ARGUMENTS[name]}",
        width=79,
        initial_indent=indent,
        subsequent_indent=f"{indent}    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
