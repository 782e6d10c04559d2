"""Backbones from models of KerasHub."""

import keras

from kerasseg.backbones.data_format import channels_last
from kerasseg.backbones.pyramid import from_pyramid


@channels_last
def from_keras_hub(backbone, scale=1 / 255, offset=0.0, name=None):
    """Makes a backbone of one of KerasHub.

    Takes any that has `pyramid_outputs`, such as `ResNetBackbone`,
    `DenseNetBackbone`, `EfficientNetBackbone`, `CSPNetBackbone` and
    `MiTBackbone`, built from arguments or by `from_preset`. They share their
    weights. KerasHub scales pixels outside of its backbones, in the
    `ImageConverter` of a preset, whose `scale` and `offset` belong here.

    Needs `pip install "kerasseg[hub]"`; tested with keras-hub 0.32 and Keras
    3.15 on TensorFlow, JAX and torch.

    Args:
        backbone: A `keras_hub.models.FeaturePyramidBackbone`, channels last.
        scale: Float or list of one for each channel, or `None` for 1. Factor
            from pixels to what the backbone was trained on. Defaults to
            1 / 255.
        offset: Float or list of one for each channel, or `None` for 0, added
            after `scale`. Defaults to 0.0.
        name: String. Name of the backbone. Defaults to the given one's.

    Returns:
        A `keras.Model` from pixels in 0..255 to a dict of features, `"Pn"` at
        a stride of `2^n`, whatever KerasHub calls them (the `"P1"` of its
        `MiTBackbone` is at a stride of 4).

    Raises:
        TypeError: If `backbone` has no `pyramid_outputs`.
        ValueError: If none of them has a stride of 2, 4, 8, 16 or 32.

    Example:
        >>> preset = "resnet_50_imagenet"
        >>> converter = keras_hub.layers.ImageConverter.from_preset(preset)
        >>> backbone = from_keras_hub(
        ...     keras_hub.models.Backbone.from_preset(preset),
        ...     converter.scale, converter.offset)
        >>> model = kerasseg.models.lrr(11, backbone)
    """
    outputs = getattr(backbone, "pyramid_outputs", None)
    if not isinstance(backbone, keras.Model) or not isinstance(outputs, dict):
        raise TypeError(
            "`backbone` must be a backbone of KerasHub with "
            "`pyramid_outputs`. "
            f"Received: backbone={backbone!r} of type {type(backbone).__name__}"
        )
    return from_pyramid(
        backbone,
        list(outputs.values()),
        1.0 if scale is None else scale,
        0.0 if offset is None else offset,
        name,
    )
