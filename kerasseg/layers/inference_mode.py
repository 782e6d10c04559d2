import copy

import keras


@keras.saving.register_keras_serializable("kerasseg")
class InferenceMode(keras.layers.Wrapper):
    """Runs a layer or model as in inference, also while the rest trains.

    Its weights are trained like any others, but batch normalisation uses and
    keeps its moving statistics, and dropout drops nothing. Calling the model
    with `training=False` is not enough inside a functional model: Keras 3
    overrules that when the outer model is called with `training=True`.

    Args:
        layer: a layer or model.

    Input shape:
        That of `layer`.

    Output shape:
        That of `layer`.

    Example:
        >>> images = keras.Input((None, None, 3))
        >>> features = InferenceMode(backbone)(images)
    """

    def __init__(self, layer, **kwargs):
        # The wrapped layers cast what they are given as they need it.
        super().__init__(layer, **{"autocast": False, **kwargs})

    def call(self, inputs):
        return self.layer(inputs, training=False)

    def compute_output_spec(self, inputs):
        return self.layer.compute_output_spec(inputs)

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)

    @classmethod
    def from_config(cls, config, custom_objects=None):
        # Keras empties the dict, which is the caller's.
        return super().from_config(copy.deepcopy(config), custom_objects)
