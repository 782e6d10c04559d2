"""SGD whose weight decay is an L2 penalty on the loss."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("kerasseg")
class L2SGD(keras.optimizers.SGD):
    """SGD with coupled weight decay, that of most segmentation papers.

    `weight_decay * w` is added to the gradient of each weight `w`, so that it
    passes through the momentum: the gradient of a penalty of
    `weight_decay / 2 * w**2` on the loss, as in Caffe and in the SGD of
    PyTorch. The weight decay of `keras.optimizers.SGD`, AdamW and the others
    of Keras is decoupled: it takes `learning_rate * weight_decay * w` off
    each weight beside the update. With momentum `m`, the coupled one is in
    the long run `1 / (1 - m)` times as strong: 5e-4 at 0.9 is a decoupled
    5e-3.

    Gradients are clipped, and averaged over `gradient_accumulation_steps`,
    before the penalty is added. `exclude_from_weight_decay` and
    `LearningRateMultipliers` work as with SGD.

    Args:
        learning_rate: Number or schedule. Defaults to 0.01.
        momentum: Number from 0 to 1. Defaults to 0.0.
        nesterov: Whether the momentum is Nesterov's. Defaults to `False`.
        weight_decay: Number of 0 or more, or `None` for none. Defaults to
            5e-4.
        name: Name of the optimizer. Defaults to `"l2_sgd"`.

    Example:

    >>> optimizer = L2SGD(PolyDecay(1e-3, 20000), 0.9, weight_decay=5e-4)

    Reference:
        Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR
        2019, https://arxiv.org/abs/1711.05101, which tells the two apart.
    """

    def __init__(
        self,
        learning_rate=0.01,
        momentum=0.0,
        nesterov=False,
        weight_decay=5e-4,
        name="l2_sgd",
        **kwargs,
    ):
        super().__init__(
            learning_rate,
            momentum,
            nesterov,
            weight_decay=weight_decay,
            name=name,
            **kwargs,
        )

    def _apply_weight_decay(self, variables):
        """Nothing beside the update, which has it all."""

    def update_step(self, gradient, variable, learning_rate):
        if self.weight_decay and self._use_weight_decay(variable):
            gradient = ops.cast(gradient, variable.dtype)
            penalty = ops.multiply(variable, self.weight_decay)
            gradient = ops.add(gradient, penalty)
        super().update_step(gradient, variable, learning_rate)
