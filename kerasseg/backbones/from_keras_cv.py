"""Backbones from models of KerasCV."""

import keras

from kerasseg.backbones.data_format import channels_last
from kerasseg.backbones.pyramid import from_pyramid


@channels_last
def from_keras_cv(backbone, scale=None, offset=0.0, name=None):
    """Makes a backbone of one of KerasCV.

    Takes any that has `pyramid_level_inputs`, such as `ResNetV2Backbone`,
    `EfficientNetV2Backbone`, `MobileNetV3Backbone` and `CSPDarkNetBackbone`,
    built from arguments or by `from_preset`. They share their weights.

    Args:
        backbone: A `keras_cv.models` backbone.
        scale: Float or list of one for each channel. Factor from pixels to
            what the backbone takes. Defaults to 1 for a backbone that was
            built with `include_rescaling=True` and divides by 255 itself,
            else to 1 / 255.
        offset: Float or list of one for each channel, added after `scale`.
            Defaults to 0.0.
        name: String. Name of the backbone. Defaults to the given one's.

    Returns:
        A `keras.Model` from pixels in 0..255 to a dict of features, `"Pn"` at
        a stride of `2^n`, whatever KerasCV calls them.

    Raises:
        TypeError: If `backbone` has no `pyramid_level_inputs`.
        ValueError: If none of them has a stride of 2, 4, 8, 16 or 32.

    Example:
        >>> base = keras_cv.models.ResNetV2Backbone(
        ...     stackwise_filters=[64, 128, 256, 512],
        ...     stackwise_blocks=[2, 2, 2, 2], stackwise_strides=[1, 2, 2, 2],
        ...     include_rescaling=True)
        >>> model = kerasseg.models.lrr(
        ...     11, from_keras_cv(base), level="8x")
    """
    names = getattr(backbone, "pyramid_level_inputs", None)
    if not isinstance(backbone, keras.Model) or not isinstance(names, dict):
        raise TypeError(
            "`backbone` must be a backbone of KerasCV with "
            "`pyramid_level_inputs`. "
            f"Received: backbone={backbone!r} of type {type(backbone).__name__}"
        )
    if scale is None:
        rescales = getattr(backbone, "include_rescaling", False)
        scale = 1.0 if rescales else 1 / 255
    outputs = [backbone.get_layer(layer).output for layer in names.values()]
    return from_pyramid(backbone, outputs, scale, offset, name)
