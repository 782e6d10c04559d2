"""Contracts that every layer, model, loss and metric of kerasseg keeps.

A test calls one of these and then states its own mathematics.
"""

import json
import tempfile
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

# Tracing a model takes TensorFlow ten times as long as one step of it; at night
# the recipes take their steps in graphs.
EAGERLY = keras.backend.backend() == "tensorflow"
HALF_POLICIES = ("mixed_float16", "mixed_bfloat16")


def check_ranks(layer):
    """A layer of maps refuses arrays of other ranks by their number of axes.

    Args:
        layer: The layer, not built yet.
    """
    for shape in ((6, 8, 4), (2, 3, 6, 8, 4)):
        found = f"expected ndim=4, found ndim={len(shape)}"
        with pytest.raises(ValueError, match=found):
            layer(np.ones(shape, "float32"))


def check_layer(
    layer_class,
    arguments,
    inputs,
    expected_shape,
    trainable=0,
    non_trainable=0,
    half_policies=HALF_POLICIES,
    half_output=None,
    none_sizes=True,
    atol=1e-5,
):
    """The contract of a layer with one input tensor, or a list of them.

    Args:
        layer_class: The class.
        arguments: Dictionary of constructor arguments.
        inputs: Input array, `(batch, height, width, channels)`, random; or a
            list of such arrays.
        expected_shape: Tuple, the shape of the output.
        trainable: Number of trainable weights (tensors).
        non_trainable: Number of frozen weights (tensors).
        half_policies: Names of the dtype policies to try.
        half_output: Dtype of the output under them, or `None` for the
            compute dtype of the policy.
        none_sizes: Whether the layer takes unknown heights and widths.
        atol: Absolute tolerance between two ways to compute the same output.
    """
    inputs = keras.tree.map_structure(np.asarray, inputs)
    layer = layer_class(**arguments)
    before = _json_round_trip(layer.get_config())
    outputs = _numpy(layer(inputs))

    check_registered(layer_class)
    assert _json_round_trip(layer.get_config()) == before, "build changed it"
    again = layer_class.from_config(before)
    assert _json_round_trip(again.get_config()) == before
    _check_constructor_arguments(before, arguments)

    assert outputs.shape == tuple(expected_shape)
    shapes = keras.tree.map_structure(np.shape, inputs)
    assert tuple(layer.compute_output_shape(shapes)) == outputs.shape
    symbolic = layer(
        keras.tree.map_structure(
            lambda x: keras.KerasTensor(x.shape, dtype="float32"), inputs
        )
    )
    assert tuple(symbolic.shape) == outputs.shape
    assert len(layer.trainable_weights) == trainable
    assert len(layer.non_trainable_weights) == non_trainable

    model = _wrap(layer, inputs, none_sizes)
    _check_unknown_shape(layer, model, outputs)
    _close(model(inputs), outputs, atol)
    _check_saved(model, inputs, atol)
    for policy in half_policies:
        _check_half_layer(layer_class, arguments, inputs, policy, half_output)
    if trainable:
        _check_fit_step(model, inputs, "mse", None)


def check_model(
    build,
    images,
    expected_shape,
    trainable=None,
    non_trainable=None,
    loss="mse",
    targets=None,
    half_policies=("mixed_bfloat16",),
    atol=1e-5,
):
    """The contract of a model from images to float32 logits.

    Args:
        build: Function without arguments that returns a new model.
        images: Random images, 0 to 255, `(batch, height, width, channels)`.
        expected_shape: Tuple, the shape of the logits.
        trainable: Number of trainable parameters, or `None` to not compare.
        non_trainable: Number of frozen parameters, likewise.
        loss: Loss of the training step.
        targets: What the loss compares with. Defaults to random logits.
        half_policies: Names of the dtype policies to build it under.
        atol: Absolute tolerance after saving and loading.
    """
    model = build()
    logits = _numpy(model(images))
    assert logits.shape == tuple(expected_shape)
    assert logits.dtype == "float32"
    assert np.isfinite(logits).all()
    _check_counts(model, trainable, non_trainable)

    copy = keras.models.model_from_json(model.to_json())
    assert json.loads(copy.to_json()) == json.loads(model.to_json())
    copy.set_weights(model.get_weights())
    _close(copy(images), logits, atol)
    assert [v.path for v in copy.weights] == [v.path for v in model.weights]
    paths = [v.path for v in model.weights]
    assert len(set(paths)) == len(paths), "two weights have the same path"

    _check_saved(model, images, atol)
    for policy in half_policies:
        _check_half_model(build, images, policy)
    if model.trainable_weights:
        _check_fit_step(model, images, loss, targets)


def check_loss(loss, y_true, y_pred, expected=None, atol=1e-5):
    """The contract of a loss.

    Args:
        loss: The loss.
        y_true: Class ids, as the loss takes them.
        y_pred: Logits, `(batch, height, width, channels)`.
        expected: The value of the loss, or `None` to not compare.
        atol: Absolute tolerance of the value.
    """
    check_registered(type(loss))
    config = _json_round_trip(loss.get_config())
    again = type(loss).from_config(config)
    assert _json_round_trip(again.get_config()) == config

    value = _numpy(loss(y_true, y_pred))
    assert value.shape == ()
    assert np.isfinite(value)
    _close(again(y_true, y_pred), value, atol)
    if expected is not None:
        _close(value, expected, atol)
    for dtype in ("float16", "bfloat16"):
        half = _numpy(loss(y_true, ops.cast(y_pred, dtype)))
        assert half.dtype == "float32"
        _close(half, value, 2e-2 * max(1.0, abs(float(value))))

    y_pred = np.asarray(y_pred, "float32")
    model = _wrap(keras.layers.Dense(y_pred.shape[-1]), y_pred)
    model.compile(keras.optimizers.SGD(1e-3), loss)
    first = model.train_on_batch(y_pred, y_true)
    assert np.isfinite(first)
    for weight in model.get_weights():
        assert np.isfinite(weight).all()
    assert model.test_on_batch(y_pred, y_true) <= first


def check_metric(metric, y_true, y_pred, expected=None, atol=1e-6):
    """The contract of a streaming metric.

    Args:
        metric: The metric, new or reset.
        y_true: Class ids, `(batch, height, width)`, batch 2 or more.
        y_pred: Logits, `(batch, height, width, num_classes)`.
        expected: The value after all of it, or `None` to not compare.
        atol: Absolute tolerance of the value.
    """
    check_registered(type(metric))
    config = _json_round_trip(metric.get_config())
    again = type(metric).from_config(config)
    assert _json_round_trip(again.get_config()) == config

    metric.update_state(y_true, y_pred)
    value = float(metric.result())
    if expected is not None:
        assert abs(value - expected) <= atol, f"{value} is not {expected}"
    for row in range(len(y_true)):
        again.update_state(y_true[row : row + 1], y_pred[row : row + 1])
    _close(again.result(), value, atol)
    assert _json_round_trip(again.get_config()) == config

    metric.reset_state()
    for variable in metric.variables:
        assert not _numpy(variable).any()

    y_pred = np.asarray(y_pred, "float32")
    model = _wrap(keras.layers.Identity(), y_pred)
    # On TensorFlow and torch, Keras evaluates nothing without a loss.
    model.compile(loss=lambda y_true, y_pred: 0.0 * y_pred, metrics=[metric])
    scores = model.evaluate(
        y_pred, y_true, batch_size=1, verbose=0, return_dict=True
    )
    assert abs(float(scores[metric.name]) - value) <= atol


def check_registered(cls):
    """A class is known to Keras as `kerasseg>ClassName`.

    Args:
        cls: The class.
    """
    name = f"kerasseg>{cls.__name__}"
    assert keras.saving.get_registered_name(cls) == name
    assert keras.saving.get_registered_object(name) is cls


def _check_constructor_arguments(config, arguments):
    missing = set(arguments) - set(config)
    assert not missing, f"get_config leaves out {sorted(missing)}"


def _check_unknown_shape(layer, model, outputs):
    computed = tuple(layer.compute_output_shape(model.input_shape))
    assert computed == model.output_shape
    known = zip(computed, outputs.shape, strict=True)
    assert all(a is None or a == b for a, b in known)


def _check_saved(model, inputs, atol):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        model.save(path)
        loaded = keras.models.load_model(path)
    _close(loaded(inputs), model(inputs), atol)


def _check_half_layer(layer_class, arguments, inputs, policy, half_output):
    layer = layer_class(**arguments, dtype=policy)
    outputs = layer(inputs)
    expected = half_output or keras.DTypePolicy(policy).compute_dtype
    assert keras.backend.standardize_dtype(outputs.dtype) == expected
    assert np.isfinite(_numpy(ops.cast(outputs, "float32"))).all()
    assert all(v.dtype == "float32" for v in layer.weights)
    assert layer.get_config()["dtype"] == layer.from_config(
        layer.get_config()
    ).get_config()["dtype"]


def _check_half_model(build, images, policy):
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        logits = build()(images)
    finally:
        keras.config.set_dtype_policy(previous)
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"
    assert np.isfinite(_numpy(logits)).all()


def _check_counts(model, trainable, non_trainable):
    for variables, expected in (
        (model.trainable_weights, trainable),
        (model.non_trainable_weights, non_trainable),
    ):
        count = sum(int(np.prod(v.shape)) for v in variables)
        assert expected is None or count == expected


def _check_fit_step(model, inputs, loss, targets):
    if targets is None:
        outputs = _numpy(model(inputs))
        noise = np.random.default_rng(7).normal(size=outputs.shape)
        targets = (outputs + noise).astype("float32")
    before = [_numpy(v).copy() for v in model.trainable_weights]
    model.compile(keras.optimizers.Adam(1e-3), loss, run_eagerly=EAGERLY)
    history = model.fit(inputs, targets, batch_size=len(targets), verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    stuck = [
        variable.path
        for variable, old in zip(model.trainable_weights, before, strict=True)
        if np.array_equal(_numpy(variable), old)
    ]
    assert not stuck, f"one training step left {stuck} as they were"


def _wrap(layer, inputs, none_sizes=False):
    """A model of the layer, for maps like `inputs` or of any size."""

    def symbol(x):
        sizes = (None,) * (x.ndim - 2) if none_sizes else x.shape[1:-1]
        return keras.Input((*sizes, x.shape[-1]))

    images = keras.tree.map_structure(symbol, inputs)
    return keras.Model(images, layer(images))


def _json_round_trip(config):
    return json.loads(json.dumps(config))


def _numpy(tensor):
    return np.asarray(ops.convert_to_numpy(tensor))


def _close(actual, expected, atol):
    np.testing.assert_allclose(
        _numpy(actual), _numpy(expected), rtol=1e-5, atol=atol
    )
