"""A Keras model checked and fixed to the one shape that it is exported for."""

import dataclasses

import keras
import numpy as np

from kerasseg.channels import check_channel_count
from kerasseg.channels import check_channels_last
from kerasseg.export.model.coarse import split
from kerasseg.export.model.frozen import FrozenModel
from kerasseg.export.options import ExportOptions
from kerasseg.export.options import check_classes
from kerasseg.export.options import with_images
from kerasseg.export.schema import is_text
from kerasseg.formats import INTEGERS
from kerasseg.inference.memory import estimated_bytes
from kerasseg.inference.memory import free_bytes
from kerasseg.layers import FakeQuantize
from kerasseg.layers.fake_quantize import is_quantization_aware

MIN_SIZE = 32


def freeze(model, image_shape=None, options=None) -> FrozenModel:
    """Checks a model and fixes the input shape of its exported form.

    Args:
        model: `keras.Model` from one batch of images to logits
            `(batch, height, width, num_classes)`.
        image_shape: `(height, width)` or `(height, width, channels)`, or
            `None` to take the one that the model was built for. Defaults to
            `None`.
        options: `ExportOptions` of the file, or `None` for float32 logits.
            Defaults to `None`.

    Returns:
        A `FrozenModel` in float32.

    Raises:
        TypeError: If `model` is not a Keras model.
        ValueError: If the model or the shape cannot be exported, or one
            image takes more than the free memory.
    """
    if not isinstance(model, keras.Model):
        raise TypeError(
            f"`model` must be a keras.Model. Received: model={model!r} "
            f"(of type {type(model).__name__})"
        )
    shape = (1, *_resolve_shape(_built_shape(model), image_shape))
    options = options or ExportOptions()
    _check_channels(shape[3], options.channels)
    _check_ranges(model, options.precision)
    _check_memory(model, shape[1:])
    model, notes = _in_float32(model)
    frozen = FrozenModel(model, shape, options, notes)
    check_classes(options, frozen.num_classes)
    if options.coarse:
        split(model)
    return dataclasses.replace(frozen, options=with_images(options, shape))


def _check_channels(count, names):
    """Refuses images that no sidecar describes, or other names than theirs."""
    check_channel_count("channels of the model", count)
    if names is None:
        return
    given = names if isinstance(names, list | tuple) else ()
    if len(given) != count or not all(map(is_text, given)):
        raise ValueError(
            f"`channels` must be a list of {count} printable names, one for "
            f"each channel of the images. Received: channels={names!r}"
        )


def _built_shape(model):
    inputs = getattr(model, "inputs", None)
    if not inputs:
        return None, None, None, None
    if len(inputs) != 1 or len(inputs[0].shape) != 4:
        shapes = [tuple(tensor.shape) for tensor in inputs]
        raise ValueError(
            f"`model` must have one input of shape (batch, height, width, "
            f"channels). Received: model with inputs {shapes}"
        )
    check_channels_last("model", inputs[0].shape)
    return tuple(inputs[0].shape)


def _resolve_shape(built, image_shape):
    if built[0] not in (None, 1):
        raise ValueError(
            f"`model` must accept a batch of one image. Received: model "
            f"built for input shape {built}"
        )
    if image_shape is None:
        if None in built[1:]:
            raise ValueError(
                f"`image_shape` must be (height, width), since the model "
                f"accepts any size and a file has one. Received: "
                f"image_shape=None, model built for {built[1:]}"
            )
        shape = built[1:]
    else:
        shape = _checked_sizes(image_shape)
        if len(shape) == 2:
            shape = (*shape, built[3] or 3)
    fits = all(b in (None, s) for b, s in zip(built[1:], shape, strict=True))
    if not fits:
        raise ValueError(
            f"`image_shape` must agree with the shape {built[1:]} that the "
            f"model was built for. Received: image_shape={image_shape}"
        )
    if min(shape[:2]) < MIN_SIZE:
        raise ValueError(
            f"`image_shape` must be at least {MIN_SIZE} by {MIN_SIZE}. "
            f"Received: image_shape={shape}"
        )
    return shape


def _check_ranges(model, precision):
    """Refuses what learned to compute with 8 bits where it shall not."""
    if not is_quantization_aware(model):
        return
    if precision not in INTEGERS:
        raise ValueError(
            "`precision` must be 'int8' or 'mixed' for a quantization-aware "
            "model; kerasseg.training.without_quantization makes one in float "
            f"of it. Received: precision={precision!r}"
        )
    for layer in model._flatten_layers():
        if isinstance(layer, FakeQuantize):
            layer.bounds()


def _check_memory(model, shape):
    """Refuses a size at which the proof would end the process."""
    free = free_bytes()
    if free is None or not getattr(model, "inputs", None):
        return
    try:
        needed = estimated_bytes(model, shape)
    except Exception:
        # A layer that cannot be traced is reported where it is traced.
        return
    if needed > free:
        raise ValueError(
            "`image_shape` must be one that fits into the memory: an image "
            f"takes about {needed / 2**30:.1f} GiB, and {free / 2**30:.1f} "
            f"GiB are free. Received: image_shape={shape}"
        )


def _checked_sizes(image_shape):
    try:
        shape = tuple(int(size) for size in image_shape)
        valid = len(shape) in (2, 3) and all(
            size == given and size > 0
            for size, given in zip(shape, image_shape, strict=True)
        )
    except (TypeError, ValueError):
        valid = False
    if not valid:
        raise ValueError(
            f"`image_shape` must be (height, width) or (height, width, "
            f"channels). Received: image_shape={image_shape!r}"
        )
    return shape


def _in_float32(model):
    """Returns the model, rebuilt in float32 if it computes in another."""
    if not any(
        layer.compute_dtype in ("float16", "bfloat16")
        # Those that a layer holds too, as a wrapper does.
        for layer in model._flatten_layers()
    ):
        return model, ()
    config = _float32_config(model.get_config())
    rebuilt = model.__class__.from_config(config)
    rebuilt.set_weights([np.asarray(w, "float32") for w in _weights(model)])
    return rebuilt, ("Rebuilt in float32 from mixed precision.",)


def _weights(model):
    return [keras.ops.convert_to_numpy(v.value) for v in model.weights]


def _float32_config(config):
    if isinstance(config, dict):
        if config.get("class_name") in ("DTypePolicy", "FloatDTypePolicy"):
            return {**config, "config": {"name": "float32"}}
        return {
            key: "float32"
            if key == "dtype" and isinstance(value, str) and "float" in value
            else _float32_config(value)
            for key, value in config.items()
        }
    if isinstance(config, list | tuple):
        return type(config)(_float32_config(value) for value in config)
    return config
