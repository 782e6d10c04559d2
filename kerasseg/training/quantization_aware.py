"""Models that learn with the numbers of a file in int8."""

import collections

import keras

from kerasseg.layers import CropToMatch
from kerasseg.layers import FakeQuantize
from kerasseg.layers import FakeQuantizedKernel
from kerasseg.layers import NearestUpSampling2D
from kerasseg.layers import PadToMultiple
from kerasseg.layers.fake_quantize import CHANNELS
from kerasseg.layers.fake_quantize import is_quantization_aware

# Layers that hand on values as they are, or means of them: they need no range.
_MOVING = (
    keras.layers.AveragePooling2D,
    keras.layers.Cropping2D,
    keras.layers.Dropout,
    keras.layers.Flatten,
    keras.layers.Identity,
    keras.layers.MaxPooling2D,
    keras.layers.Permute,
    keras.layers.Reshape,
    keras.layers.SpatialDropout2D,
    keras.layers.ZeroPadding2D,
    CropToMatch,
    NearestUpSampling2D,
    PadToMultiple,
)
# Layers that scale pixels, of which the range is known.
_SCALING = (keras.layers.Normalization, keras.layers.Rescaling)


def quantization_aware(
    model: keras.Model, symmetric: bool = False, horizon: int = 100
) -> keras.Model:
    """Copies a model so that it computes with 8 bits while it is trained.

    The kernels of convolutions and dense layers are rounded to 8 bits, with a
    range for each output channel, and so are activations, with one range for
    each tensor. The ranges follow the training data, see
    `kerasseg.layers.FakeQuantize`. A batch normalization or ReLU belongs to
    the layer before it, as in an exported file. Pixels are exact. What other
    layers than those of Keras hold inside is not rounded, only what they
    return.

    Train the copy for a few epochs at a low learning rate, with batch
    normalization frozen, then export it: `precision="int8"` and `"mixed"` take
    these ranges instead of those of the calibration images, which show the
    ranges inside of layers and are what the file is verified on.
    `kerasseg.zoo.save` saves the copy as any other model.

    Args:
        model: A functional `keras.Model` or a `keras.Sequential`, trained. It
            stays as it is, the copy has weights of its own.
        symmetric: Whether 0 is in the middle of each range of activations, as
            in files for TensorRT. Those round less than the copy does, and
            may lose nothing without it: measure first. Defaults to `False`,
            for LiteRT and ONNX.
        horizon: Number of batches that the moving ranges reach back. Defaults
            to 100.

    Returns:
        A functional `keras.Model`. It computes the same as the model until it
        is trained, but for its rounded kernels.

    Raises:
        TypeError: If the model is no `keras.Model`.
        ValueError: If it is a subclass with a `call` of its own, has no layer
            to round, or is quantization-aware already.

    Example:

    >>> model = quantization_aware(kerasseg.zoo.load("fcn_8s"))
    >>> freeze_batch_normalization(model)
    >>> model.compile(keras.optimizers.Adam(1e-5), SegmentationLoss())
    >>> model.fit(batches(train, 8, augmentation), epochs=2, shuffle=False)
    >>> to_litert(model, "fcn_8s.tflite", image_shape=(360, 480),
    ...     precision="int8", calibration=train)
    """
    _check(model)
    if is_quantization_aware(model):
        raise ValueError(
            "`model` must not be quantization-aware already. "
            f"Received: model={model.name!r}"
        )
    copy, pairs = _copied(model, _Rounding(symmetric, horizon))
    if not any(isinstance(new, FakeQuantizedKernel) for _, new in pairs):
        raise ValueError(
            "`model` must hold layers of Keras with a kernel, such as "
            f"keras.layers.Conv2D. Received: model={model.name!r} without any"
        )
    return copy


def without_quantization(model: keras.Model) -> keras.Model:
    """Copies a quantization-aware model to one that computes in float.

    Args:
        model: What `quantization_aware` returned, trained. It stays as it is.

    Returns:
        A functional `keras.Model` of the same weights, without ranges.

    Raises:
        TypeError: If the model is no `keras.Model`.
        ValueError: If it is not quantization-aware.
    """
    _check(model)
    if not is_quantization_aware(model):
        raise ValueError(
            "`model` must be made by `quantization_aware`. "
            f"Received: model={model.name!r}"
        )
    return _copied(model, _Plain())[0]


class _Rounding:
    """What the layers of a model become where it learns with 8 bits."""

    def __init__(self, symmetric, horizon):
        self.options = {"symmetric": symmetric, "horizon": horizon}

    def layer(self, original):
        new = _again(original)
        if type(original) not in CHANNELS:
            return new
        return FakeQuantizedKernel(
            new,
            name=original.name,
            trainable=original.trainable,
            dtype=original.dtype_policy,
        )

    def outputs(self, original, outputs, number):
        if isinstance(original, (*_MOVING, *_SCALING)) or _is_linear(original):
            return outputs
        name = f"{original.name}_range" + (f"_{number}" if number else "")
        if not isinstance(outputs, keras.KerasTensor) or (
            "float" not in outputs.dtype
        ):
            return outputs
        return FakeQuantize(**self.options, name=name)(outputs)


class _Plain:
    """What the layers of a quantization-aware model become in float."""

    def layer(self, original):
        if isinstance(original, FakeQuantizedKernel):
            return _again(original.layer)
        return _again(original)

    def outputs(self, original, outputs, number):
        del original, number
        return outputs


def _again(operation):
    return type(operation).from_config(operation.get_config())


def _is_linear(operation):
    return isinstance(operation, keras.layers.Activation) and (
        operation.activation is keras.activations.linear
    )


def _copied(model, change):
    """A copy, and pairs of its layers and the original ones."""
    graph = _graph(model)
    merged = _merged(graph)
    pairs, calls = [], collections.Counter()
    originals = {}

    def clone(original):
        if isinstance(original, keras.Model):
            new, inner = _copied(original, change)
            pairs.extend(inner)
        else:
            new = change.layer(original)
            pairs.append((original, new))
        originals[id(new)] = original
        return new

    def call(new, *args, **kwargs):
        original = originals[id(new)]
        if isinstance(new, FakeQuantize):
            return args[0]
        outputs = new(*args, **kwargs)
        if id(original) in merged or isinstance(original, keras.Model):
            return outputs
        calls[original.name] += 1
        return change.outputs(original, outputs, calls[original.name] - 1)

    copy = keras.models.clone_model(
        graph, clone_function=clone, call_function=call
    )
    for original, new in pairs:
        if getattr(original, "weights", ()) and new.built:
            new.set_weights(original.get_weights())
    return copy, pairs


def _merged(graph):
    """Ids of the operations whose result is only seen by what joins them."""
    users = collections.defaultdict(list)
    for tensor in keras.tree.flatten(graph.output):
        users[id(tensor)].append(None)
    for operation in graph.operations:
        for tensor in _ends(operation, "input"):
            users[id(tensor)].append(operation)
    # A layer that is called more than once is not among the users.
    return {
        id(operation)
        for operation in graph.operations
        for tensor in _ends(operation, "output")
        if users[id(tensor)]
        and all(_joins(user, operation) for user in users[id(tensor)])
    }


def _ends(operation, name):
    try:
        return keras.tree.flatten(getattr(operation, name))
    except (AttributeError, ValueError):  # It was called more than once.
        return []


def _joins(user, operation):
    """Whether runtimes compute an operation and its user at once."""
    if isinstance(user, keras.layers.BatchNormalization):
        return type(operation) in CHANNELS and (
            operation.activation is keras.activations.linear
        )
    if isinstance(user, keras.layers.ReLU):
        plain = user.negative_slope == 0 and user.threshold == 0
        return plain and user.max_value in (None, 6)
    return isinstance(user, keras.layers.Activation) and user.activation in (
        keras.activations.relu,
        keras.activations.relu6,
    )


def _check(model):
    if not isinstance(model, keras.Model):
        raise TypeError(
            "`model` must be a keras.Model. "
            f"Received: model={model!r} of type {type(model).__name__}"
        )


def _graph(model):
    """A model as no more than its graph."""
    if isinstance(model, keras.Sequential) and model.built:
        return keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    if not hasattr(model, "operations"):
        raise ValueError(
            "`model` must be a functional keras.Model, or a keras.Sequential "
            "with an input. Received: "
            f"model={model.name!r} of type {type(model).__name__}"
        )
    return keras.Model(model.input, model.output, name=model.name)
