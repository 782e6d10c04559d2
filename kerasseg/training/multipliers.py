"""Learning rates and weight decays that differ between weights."""

import functools
import math
import re

import keras


@keras.saving.register_keras_serializable("kerasseg")
class LearningRateMultipliers(keras.optimizers.MultiOptimizer):
    """An optimizer whose learning rate differs from layer to layer.

    A variable learns at the learning rate of the optimizer, times the
    multipliers of all patterns that match its path as a whole: with
    `{"score/.*": 10.0, ".*bias": 2.0}` the path `score/bias` has 20. The
    learning rate may be a schedule. Weight decay is that of Keras, part of
    the update: it scales with the learning rate of the variable as well, and
    has multipliers of its own, 0 for none.

    Variables of equal multipliers share a copy of the optimizer. Works on
    all backends, with mixed precision, and under `tf.distribute`.

    Args:
        optimizer: A `keras.optimizers.Optimizer`, not built yet. It is used
            for the variables that no pattern matches.
        multipliers: Dict from a regular expression to a number of 0 or more.
            Each must match the path of a variable that is trained.
        weight_decay_multipliers: Dict likewise, for the optimizer's
            `weight_decay`. Defaults to none.
        name: String. Defaults to a name made of the class.

    Raises:
        TypeError: If `optimizer` is not an optimizer that can be copied.
        ValueError: If a multiplier is no finite number of 0 or more, the
            optimizer has no weight decay to multiply, clips gradients by
            the norm of all, accumulates them with a schedule, or, when it is
            built, a pattern matches nothing.

    Example:
        >>> optimizer = LearningRateMultipliers(
        ...     keras.optimizers.SGD(
        ...         PolyDecay(1e-3, 20000), momentum=0.9, weight_decay=5e-4),
        ...     {"interpolation/.*": 10.0, "score/.*": 10.0, ".*bias": 2.0},
        ...     {"interpolation/.*": 100.0, ".*bias": 0.0})
        >>> model.compile(optimizer, SegmentationLoss())
    """

    def __init__(
        self, optimizer, multipliers, weight_decay_multipliers=None, name=None
    ):
        _check_optimizer(optimizer, weight_decay_multipliers)
        for argument, factors in (
            ("multipliers", multipliers),
            ("weight_decay_multipliers", weight_decay_multipliers or {}),
        ):
            _check_factors(argument, factors)
        super().__init__(
            self._optimizer_for, optimizer.loss_scale_factor, name=name
        )
        self.optimizer = optimizer
        self.multipliers = dict(multipliers)
        self.weight_decay_multipliers = dict(weight_decay_multipliers or {})
        # Kept, since variables cannot be read where TensorFlow builds.
        self._config = optimizer.get_config()
        # Also where every variable has a multiplier: it has the rate.
        self._inner_optimizers.append(optimizer)
        self._by_factors = {(1.0, 1.0): optimizer}

    def build(self, var_list):
        if self.built:
            return
        for argument in ("multipliers", "weight_decay_multipliers"):
            for pattern in getattr(self, argument):
                if not any(re.fullmatch(pattern, v.path) for v in var_list):
                    paths = sorted(v.path for v in var_list)
                    raise ValueError(
                        f"`{argument}` must match the path of a variable that "
                        f"is trained. Received: {pattern!r}, and the paths "
                        f"{', '.join(paths[:3])}, ... {paths[-1]}"
                    )
        super().build(var_list)

    def _optimizer_for(self, variable):
        factors = (
            _product(self.multipliers, variable.path),
            _product(self.weight_decay_multipliers, variable.path),
        )
        if factors not in self._by_factors:
            self._by_factors[factors] = self._copy(*factors)
        return self._by_factors[factors]

    def _copy(self, factor, decay_factor):
        config = dict(self._config)
        config["name"] = f"{config['name']}_{len(self._by_factors)}"
        config["learning_rate"] = functools.partial(self._scaled, factor)
        if config["weight_decay"] is not None:
            config["weight_decay"] = config["weight_decay"] * decay_factor
        return type(self.optimizer).from_config(config)

    def _scaled(self, factor):
        return keras.ops.multiply(self.learning_rate, factor)

    @property
    def learning_rate(self):
        """The rate of variables without a multiplier, at this step."""
        rate = self.optimizer._learning_rate
        if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
            # The optimizer itself does not count steps without variables.
            return rate(self._iterations)
        return self.optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate):
        self.optimizer.learning_rate = learning_rate

    def get_config(self):
        return {
            "optimizer": keras.saving.serialize_keras_object(self.optimizer),
            "multipliers": self.multipliers,
            "weight_decay_multipliers": self.weight_decay_multipliers,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        config["optimizer"] = keras.saving.deserialize_keras_object(
            config["optimizer"], custom_objects=custom_objects
        )
        return cls(**config)


def _product(factors, path):
    return math.prod(
        float(factor)
        for pattern, factor in factors.items()
        if re.fullmatch(pattern, path)
    )


def _check_optimizer(optimizer, weight_decay_multipliers):
    refused = (
        keras.optimizers.LossScaleOptimizer,
        keras.optimizers.MultiOptimizer,
    )
    if not isinstance(optimizer, keras.optimizers.Optimizer) or isinstance(
        optimizer, refused
    ):
        raise TypeError(
            "`optimizer` must be a keras.optimizers.Optimizer that does not "
            f"wrap another. Received: optimizer={optimizer!r} of type "
            f"{type(optimizer).__name__}"
        )
    if optimizer.built:
        raise ValueError(
            "`optimizer` must not be built yet. "
            f"Received: optimizer={optimizer.name!r}, which is"
        )
    if optimizer.global_clipnorm:
        raise ValueError(
            "`optimizer` must not clip by the norm of all gradients, since "
            "each of its copies knows only some; use `clipnorm`. "
            f"Received: global_clipnorm={optimizer.global_clipnorm!r}"
        )
    schedule = keras.optimizers.schedules.LearningRateSchedule
    if optimizer.gradient_accumulation_steps and isinstance(
        optimizer._learning_rate, schedule
    ):
        raise ValueError(
            "`optimizer` must not accumulate gradients with a schedule, which "
            "would count batches instead of steps. Received: "
            "gradient_accumulation_steps="
            f"{optimizer.gradient_accumulation_steps!r}"
        )
    if weight_decay_multipliers and not optimizer.weight_decay:
        raise ValueError(
            "`optimizer` must have a `weight_decay` for "
            "`weight_decay_multipliers` to multiply. "
            f"Received: weight_decay={optimizer.weight_decay!r}"
        )


def _check_factors(argument, factors):
    for pattern, factor in factors.items():
        number = isinstance(factor, int | float)
        if not number or not 0 <= factor < float("inf"):
            raise ValueError(
                f"`{argument}` must be finite numbers of 0 or more. "
                f"Received: {pattern!r}: {factor!r}"
            )
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(
                f"`{argument}` must be regular expressions. "
                f"Received: {pattern!r}, {error}"
            ) from error
