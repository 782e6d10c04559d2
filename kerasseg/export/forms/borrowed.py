"""A layer of the user's model, called from a copy of that model."""

import keras


class Borrowed(keras.layers.Layer):
    """Computes what another layer computes, with that layer's weights.

    Keras notes in a layer where it is part of a functional model. A copy of
    the model is therefore made of layers of its own, each of which calls the
    original; the user's layers learn nothing of it. It is never saved.

    Args:
        original: `keras.layers.Layer`.
    """

    def __init__(self, original):
        super().__init__(name=original.name, autocast=False)
        self.original = original
        self.built = True

    @classmethod
    def fits(cls, layer):
        """Whether a layer is computed in this form; all are by default."""
        del layer
        return True

    def call(self, *args, **kwargs):
        return self.original(*args, **kwargs)

    def compute_output_spec(self, *args, **kwargs):
        return self.original.compute_output_spec(*args, **kwargs)


class BorrowedOperation(keras.Operation):
    """The same of an operation that is no layer, such as a slice.

    It may take more than tensors, which a layer refuses.

    Args:
        original: `keras.Operation` of a functional model.
    """

    def __init__(self, original):
        super().__init__(name=original.name)
        self.original = original

    def call(self, *args, **kwargs):
        return self.original(*args, **kwargs)

    def compute_output_spec(self, *args, **kwargs):
        return self.original.compute_output_spec(*args, **kwargs)
