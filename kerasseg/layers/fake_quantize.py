"""Numbers rounded to 8 bits, as in a file in int8, while a model learns."""

import keras
from keras import ops
from keras.quantizers import fake_quant_with_min_max_vars

from kerasseg.arguments import check_integer

# What keeps the width of a range above 0.
LEAST = 1e-6
LEVELS = 127
# The axes of the output channels of each kernel.
CHANNELS = {
    keras.layers.Conv2D: {"kernel": (3,)},
    keras.layers.Conv2DTranspose: {"kernel": (2,)},
    keras.layers.Dense: {"kernel": (1,)},
    keras.layers.DepthwiseConv2D: {"kernel": (2, 3)},
    keras.layers.SeparableConv2D: {
        "depthwise_kernel": (2, 3),
        "pointwise_kernel": (3,),
    },
}


@keras.saving.register_keras_serializable("kerasseg")
class FakeQuantize(keras.layers.Layer):
    """Rounds activations to the 256 values that an int8 file has for them.

    The values are evenly spaced, and 0 is one of them. They span a range
    that follows the activations: in training, the means over the images of
    the batch of their smallest and of their largest value enter moving
    averages, over all replicas. `trainable=False` keeps the range. Before the
    first batch, inputs are returned as they are.

    The gradient is that of the identity inside of the range and 0 outside.

    Args:
        symmetric: Boolean. Whether 0 is in the middle of the range, which
            then goes to the largest absolute value, and from one step below
            minus that: the form of TensorRT. Defaults to `False`.
        horizon: Integer >= 1. Number of batches that the averages reach
            back; they are plain means until then. Defaults to 100.

    Input shape:
        Any, the batch first.

    Output shape:
        The same.

    Raises:
        ValueError: If an argument is out of its range.

    Reference:
        Jacob et al., "Quantization and Training of Neural Networks for
        Efficient Integer-Arithmetic-Only Inference", CVPR 2018, section 3.1.
    """

    def __init__(self, symmetric=False, horizon=100, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(symmetric, bool):
            raise ValueError(
                "`symmetric` must be True or False. "
                f"Received: symmetric={symmetric!r}"
            )
        self.symmetric = symmetric
        self.horizon = check_integer("horizon", horizon)

    def build(self, input_shape):
        options = {
            "shape": (),
            "initializer": "zeros",
            "trainable": False,
            "dtype": "float32",
            "autocast": False,
            "aggregation": "mean",
        }
        self.low = self.add_weight(name="low", **options)
        self.high = self.add_weight(name="high", **options)
        self.batches = self.add_weight(name="batches", **options)

    def call(self, inputs, training=None):
        if training and self.trainable:
            self._follow(ops.cast(inputs, "float32"))
        low, high = self._ends(ops.convert_to_tensor(self.low), self.high)
        rounded = fake_quant_with_min_max_vars(inputs, low, high)
        return ops.where(self.batches > 0, rounded, inputs)

    def _follow(self, inputs):
        axes = tuple(range(1, len(inputs.shape)))
        inputs = ops.stop_gradient(inputs)
        batches = self.batches + 1.0
        rate = 1.0 / ops.minimum(batches, float(self.horizon))
        for end, extreme in ((self.low, ops.min), (self.high, ops.max)):
            found = ops.mean(extreme(inputs, axis=axes))
            end.assign(end + rate * (found - end))
        self.batches.assign(batches)

    def _ends(self, low, high):
        """The range with 0 inside of it, as numbers or tensors."""
        low = ops.minimum(low, 0.0)
        high = ops.maximum(ops.maximum(high, 0.0), low + LEAST)
        if self.symmetric:
            high = ops.maximum(-low, high)
            low = high * (-(LEVELS + 1) / LEVELS)
        return low, high

    def bounds(self):
        """The range, as it is now.

        Returns:
            A tuple of the smallest and the largest value, floats.

        Raises:
            ValueError: If there was no batch to take it from.
        """
        if not self.built or not float(self.batches):
            raise ValueError(
                "`model` must be trained after `quantization_aware`, which "
                "shows it what values occur. Received: a model whose layer "
                f"{self.name!r} has no range"
            )
        low, high = self._ends(self.low.value, self.high.value)
        return float(low), float(high)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "symmetric": self.symmetric,
            "horizon": self.horizon,
        }


@keras.saving.register_keras_serializable("kerasseg")
class FakeQuantizedKernel(keras.layers.Wrapper):
    """A convolution that computes with its kernel rounded to 8 bits.

    Each output channel has 255 evenly spaced values, from minus to plus the
    largest absolute value of its weights; 0 is the middle one. Those are the
    weights of an int8 file, also where batch normalization follows: folding it
    multiplies a channel, and its values alike. What is learned are the float
    weights, as if they were not rounded.

    Args:
        layer: `keras.layers.Conv2D`, `Conv2DTranspose`, `DepthwiseConv2D`,
            `SeparableConv2D` or `Dense`.

    Input shape:
        That of the layer.

    Output shape:
        That of the layer.

    Raises:
        ValueError: If the layer is of another class.

    Reference:
        Jacob et al., CVPR 2018, section 3; Krishnamoorthi, "Quantizing deep
        convolutional networks for efficient inference", 2018,
        https://arxiv.org/abs/1806.08342, section 3.1.2, for the channels.
    """

    def __init__(self, layer, **kwargs):
        if type(layer) not in CHANNELS:
            names = ", ".join(kind.__name__ for kind in CHANNELS)
            raise ValueError(
                f"`layer` must be a keras.layers of the class {names}. "
                f"Received: layer={layer!r}"
            )
        super().__init__(layer, **kwargs)

    def call(self, inputs):
        # In the place of the kernels; the others have to be named too.
        values = {variable.path: variable.value for variable in self.variables}
        for name, axes in CHANNELS[type(self.layer)].items():
            kernel = getattr(self.layer, name)
            values[kernel.path] = rounded_kernel(kernel.value, axes)
        mapping = [(v, values[v.path]) for v in self.variables]
        with keras.StatelessScope(state_mapping=mapping):
            return self.layer(inputs)

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(tuple(input_shape))

    def get_config(self):
        config = super().get_config()
        # It says whether the layer was built, which is no matter of its own.
        config["layer"].pop("build_config", None)
        return config

    @classmethod
    def from_config(cls, config, custom_objects=None):
        # Keras takes the layer out of what it is given.
        return super().from_config({**config}, custom_objects)


def rounded_kernel(kernel, axes):
    """Rounds a kernel to the values that an int8 file has for it.

    Args:
        kernel: Tensor of any shape.
        axes: Axes of the channels with a range of their own, ascending.

    Returns:
        A tensor likewise.
    """
    rank = len(kernel.shape)
    order = [axis for axis in range(rank) if axis not in axes] + list(axes)
    moved = ops.transpose(kernel, order)
    channels = 1
    for axis in axes:
        channels *= kernel.shape[axis]
    rows = ops.reshape(moved, (-1, channels))
    largest = ops.stop_gradient(ops.max(ops.abs(rows), axis=0))
    largest = ops.maximum(largest, LEAST)
    rows = fake_quant_with_min_max_vars(
        rows, -largest, largest, narrow_range=True, axis=1
    )
    back = [order.index(axis) for axis in range(rank)]
    return ops.transpose(ops.reshape(rows, moved.shape), back)


def is_quantization_aware(model):
    """Whether a model has layers that round to 8 bits.

    Args:
        model: A `keras.Model`.

    Returns:
        `True` if there is one.
    """
    kinds = (FakeQuantize, FakeQuantizedKernel)
    # Those that a layer holds too.
    return any(isinstance(x, kinds) for x in model._flatten_layers())
