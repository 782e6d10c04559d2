"""Networks for RGB images, made to take another number of channels."""

import keras

from kerasseg.channels import check_channel_count
from kerasseg.channels import first_kernel


def with_channels(model, channels, pretrained=True):
    """Makes a network for RGB images take another number of channels.

    The first kernel is adapted as timm and segmentation_models.pytorch do it:
    summed over red, green and blue for one channel, else repeated over the
    channels in turn and multiplied by `3 / channels`, so that responses keep
    their size. All other weights are the same.

    Args:
        model: A functional `keras.Model` whose images `(batch, height, width,
            3)` go to one convolution, such as those of `keras.applications`
            with `include_top=False`. It is not changed.
        channels: Integer from 1 to 16.
        pretrained: Boolean. Whether to take over the weights of the model,
            or to start from new random ones. Defaults to `True`.

    Returns:
        A `keras.Model` with layers of the same names, for `from_model`.

    Raises:
        ValueError: If `channels` is out of its range, or more than one kernel
            depends on it.

    Example:
        >>> base = keras.applications.DenseNet121(
        ...     include_top=False, input_shape=(None, None, 3), weights=None)
        >>> with_channels(base, 5).input_shape
        (None, None, None, 5)
    """
    channels = check_channel_count("channels", channels)
    shape = model.inputs[0].shape
    if channels == shape[-1]:
        return model
    images = keras.Input((*shape[1:3], channels), name=model.inputs[0].name)
    clone = keras.models.clone_model(model, input_tensors=images)
    for old, new in zip(model.layers, clone.layers, strict=True):
        weights = old.get_weights()
        if _shapes(old) != _shapes(new):
            _check_first(old, model)
            weights[0] = first_kernel(weights[0], channels)
        if pretrained:
            new.set_weights(weights)
    return clone


def _shapes(layer):
    return [tuple(v.shape) for v in layer.weights]


def _check_first(layer, model):
    shape = _shapes(layer)[0]
    plain = type(layer) is keras.layers.Conv2D
    if not plain or len(shape) != 4 or shape[2] != 3:
        raise ValueError(
            "`model` must read RGB images with one convolution, whose kernel "
            f"can be adapted. Received: model={model.name!r} with the layer "
            f"{layer.name!r}, whose weights depend on the channels too"
        )
