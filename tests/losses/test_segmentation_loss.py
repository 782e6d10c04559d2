import json

import keras
import numpy as np
import pytest
from checks import check_loss
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from keras import ops

from kerasseg.losses import SegmentationLoss


class Shift(keras.layers.Layer):
    def build(self, input_shape):
        self.shift = self.add_weight(shape=input_shape[1:], initializer="zeros")

    def call(self, inputs):
        return inputs + self.shift


def value(tensor):
    return ops.convert_to_numpy(tensor)


def reference(labels, logits, ignored, weights, normalization):
    logits = logits.astype("float64")
    logits = logits - logits.max(axis=-1, keepdims=True)
    log_softmax = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    valid = ~np.isin(labels, ignored)
    ids = np.where(valid, labels, 0)
    entropy = -np.take_along_axis(log_softmax, ids[..., None], -1)[..., 0]
    weight = valid * np.asarray(weights)[ids]
    total = (weight * entropy).sum(axis=(1, 2))
    if normalization == "sum":
        return total.mean()
    if normalization == "image":
        return (total / (weight.sum(axis=(1, 2)) + 1)).mean()
    return total.sum() / weight.sum() if weight.any() else 0.0


def random_batch(rng, classes=5, stride=1):
    labels = rng.integers(0, classes, (2, 6 * stride, 9 * stride))
    labels[rng.random(labels.shape) < 0.2] = 255
    logits = rng.normal(size=(2, 6, 9, classes), scale=3).astype("float32")
    return labels.astype("int32"), logits


@pytest.mark.by_day(2)
@pytest.mark.parametrize("normalization", ["valid", "image", "sum"])
@pytest.mark.parametrize("stride", [1, 4])
def test_contract(rng, normalization, stride):
    labels, logits = random_batch(rng, stride=stride)
    weights = [1.0, 0.0, 2.5, 0.5, 3.0]
    sampled = labels[:, stride // 2 :: stride, stride // 2 :: stride]
    check_loss(
        SegmentationLoss(
            class_weights=weights, normalization=normalization, name="ce"
        ),
        labels,
        logits,
        expected=reference(sampled, logits, [255], weights, normalization),
        atol=1e-4,
    )


@pytest.mark.every_backend
@given(
    seed=st.integers(0, 10_000),
    classes=st.integers(2, 6),
    ignored=st.sampled_from([(), (255,), (0, 255), (255, 7)]),
    normalization=st.sampled_from(["valid", "image", "sum"]),
)
@settings(max_examples=12, deadline=None)
def test_equals_numpy(seed, classes, ignored, normalization):
    rng = np.random.default_rng(seed)
    labels = rng.choice([*range(classes), *ignored], (2, 3, 5))
    logits = rng.normal(size=(2, 3, 5, classes), scale=5).astype("float32")
    weights = rng.random(classes)
    loss = SegmentationLoss(ignored, weights, normalization)
    expected = reference(labels, logits, ignored, weights, normalization)
    np.testing.assert_allclose(
        value(loss(labels, logits)), expected, rtol=2e-5, atol=1e-5
    )


def test_zero_logits_in_the_form_of_the_lrr_code():
    # Golden check 1: n ln(21) / (n + 1).
    loss = SegmentationLoss(normalization="image")
    logits = np.zeros((1, 2, 2, 21), "float32")
    full = np.array([[[1, 2], [3, 20]]])
    assert value(loss(full, logits)) == pytest.approx(2.435618, abs=1e-6)
    full[0, 1, 0] = 255
    assert value(loss(full, logits)) == pytest.approx(2.283392, abs=1e-6)


@pytest.mark.parametrize(
    ("normalization", "expected"),
    [("sum", 0.458340), ("image", 0.114585), ("valid", 0.152780)],
)
def test_worked_example(normalization, expected):
    # Golden check 9.
    logits = np.array([[[(2, 0), (0, 1)], [(0, 0), (3, -1)]]], "float32")
    labels = np.array([[[0, 1], [255, 0]]])
    loss = SegmentationLoss(normalization=normalization)
    assert value(loss(labels, logits)) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("normalization", ["valid", "image", "sum"])
def test_nothing_valid_is_zero(normalization):
    loss = SegmentationLoss(normalization=normalization)
    labels = np.full((2, 4, 6), 255)
    logits = np.full((2, 4, 6, 3), np.inf, "float32")
    assert value(loss(labels, logits)) == 0


def test_a_last_axis_of_one_changes_nothing(rng):
    labels, logits = random_batch(rng)
    loss = SegmentationLoss()
    assert value(loss(labels[..., None], logits)) == value(loss(labels, logits))


def test_images_are_normalized_each_for_itself(rng):
    labels, logits = random_batch(rng)
    labels[0, :5] = 255
    loss = SegmentationLoss(normalization="image")
    alone = [
        value(loss(labels[i : i + 1], logits[i : i + 1])) for i in range(2)
    ]
    assert value(loss(labels, logits)) == pytest.approx(np.mean(alone), 1e-5)


def test_half_precision_logits_lose_only_their_own_rounding(rng):
    labels, logits = random_batch(rng)
    loss = SegmentationLoss()
    for dtype in ("float16", "bfloat16"):
        rounded = ops.cast(logits, dtype)
        half = loss(labels, rounded)
        assert keras.backend.standardize_dtype(half.dtype) == "float32"
        full = loss(labels, ops.cast(rounded, "float32"))
        assert value(half) == value(full)


def test_ids_stay_exact_when_the_default_is_half_precision(rng):
    labels, logits = random_batch(rng)
    expected = value(SegmentationLoss(255)(labels, logits))
    # 2049 is no float16, 2048 is.
    labels = np.where(labels == 255, 2049, labels)
    keras.config.set_floatx("float16")
    try:
        ignoring = value(SegmentationLoss(2049)(labels, logits))
    finally:
        keras.config.set_floatx("float32")
    assert ignoring.dtype == "float32"
    assert ignoring == expected


def test_unknown_ids_are_named(rng):
    labels, logits = random_batch(rng)
    labels[0, 2, 3], labels[1, 1, 1] = 77, -1
    with pytest.raises(ValueError, match=r"ids \[-1, 77\]"):
        SegmentationLoss()(labels, logits)


@pytest.mark.every_backend
def test_unknown_ids_in_a_compiled_step_make_the_loss_nan(rng):
    labels, logits = random_batch(rng)
    model = keras.Sequential([keras.Input((6, 9, 5)), keras.layers.Dense(5)])
    model.compile("sgd", SegmentationLoss())
    assert np.isfinite(model.test_on_batch(logits, labels))
    labels[0, 2, 3] = 77
    if keras.backend.backend() == "torch":  # nothing is compiled there
        with pytest.raises(ValueError, match=r"ids \[77\]"):
            model.test_on_batch(logits, labels)
    else:
        assert np.isnan(model.test_on_batch(logits, labels))


@pytest.mark.every_backend
def test_gradient_is_softmax_minus_one_hot(rng):
    labels, logits = random_batch(rng)
    model = keras.Sequential([keras.Input(logits.shape[1:]), Shift()])
    model.compile(
        keras.optimizers.SGD(1.0), SegmentationLoss(normalization="sum")
    )
    model.train_on_batch(logits, labels)
    softmax = np.exp(logits - logits.max(-1, keepdims=True))
    softmax /= softmax.sum(-1, keepdims=True)
    expected = softmax - np.eye(256)[labels][..., :5]
    expected = np.where((labels == 255)[..., None], 0, expected).mean(axis=0)
    (shift,) = model.get_weights()
    np.testing.assert_allclose(-shift, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"normalization": "pixel"}, "`normalization` must be one of"),
        ({"class_weights": [1.0, -1.0]}, "one finite number, 0 or more"),
        ({"class_weights": [1.0, np.nan]}, "one finite number, 0 or more"),
        ({"class_weights": []}, "one finite number, 0 or more"),
        ({"class_weights": 2.0}, "one finite number, 0 or more"),
        ({"class_weights": "12"}, "one finite number, 0 or more"),
        ({"class_weights": {1.0, 2.0}}, "one finite number, 0 or more"),
        ({"class_weights": np.eye(2)}, "one finite number, 0 or more"),
        ({"class_weights": {0: 1.0, 2: 5.0}}, "every class id from 0 on"),
        ({"class_weights": {"cat": 1.0, "dog": 5.0}}, "every class id from 0"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        SegmentationLoss(**arguments)


def test_wrong_shapes(rng):
    labels, logits = random_batch(rng)
    with pytest.raises(ValueError, match="`y_pred` must have shape"):
        SegmentationLoss()(labels, logits[0])
    with pytest.raises(ValueError, match="labels of 6x8 and logits of 6x9"):
        SegmentationLoss()(labels[:, :, :8], logits)
    with pytest.raises(ValueError, match="each of the 5 classes"):
        SegmentationLoss(class_weights=[1.0, 2.0])(labels, logits)


def test_image_weights(rng):
    labels, logits = random_batch(rng)
    loss = SegmentationLoss(normalization="image")
    first = value(loss(labels[:1], logits[:1]))
    weighted = loss(labels, logits, sample_weight=np.array([2.0, 0.0]))
    assert value(weighted) == pytest.approx(first, rel=1e-5)


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow",
    reason="only TensorFlow traces graphs of unknown size",
)
def test_sizes_known_only_at_run_time(rng):
    import tensorflow as tf

    loss = SegmentationLoss()
    labels, logits = random_batch(rng, stride=2)
    compiled = tf.function(
        loss,
        input_signature=[
            tf.TensorSpec((None, None, None), tf.int32),
            tf.TensorSpec((None, None, None, 5), tf.float32),
        ],
    )
    assert value(compiled(labels, logits)) == pytest.approx(
        value(loss(labels, logits)), rel=1e-6
    )


@given(
    weights=st.lists(st.floats(0, 9, width=32), min_size=2, max_size=6),
    seed=st.integers(0, 99),
)
@settings(max_examples=20, deadline=None)
def test_all_forms_of_class_weights_are_one(weights, seed):
    rng = np.random.default_rng(seed)
    classes = len(weights)
    shuffled = {int(i): weights[i] for i in rng.permutation(classes)}
    keys = {np.int64(i): w for i, w in shuffled.items()}
    forms = [weights, tuple(weights), np.array(weights), shuffled, keys]
    for form in forms:
        loss = SegmentationLoss(class_weights=form)
        config = json.loads(json.dumps(loss.get_config()))
        assert config["class_weights"] == weights
        assert SegmentationLoss.from_config(config).class_weights == weights


@pytest.mark.parametrize(
    "weights", [{1: 5.0, 0: 1.0, 2: 1.0}, np.array([1, 5, 1])]
)
def test_a_trained_model_is_saved_and_loaded(rng, tmp_path, weights):
    labels, logits = random_batch(rng, classes=3)
    model = keras.Sequential(
        [keras.Input((None, None, 3)), keras.layers.Conv2D(3, 1)]
    )
    loss = SegmentationLoss(np.array([255, 254]), weights)
    model.compile("sgd", loss)
    model.fit(logits, labels, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.loss.class_weights == [1.0, 5.0, 1.0]
    assert again.loss.ignore_class == [255, 254]
    np.testing.assert_allclose(
        again.evaluate(logits, labels, verbose=0),
        model.evaluate(logits, labels, verbose=0),
        rtol=1e-6,
    )


def test_one_channel_is_refused(rng):
    labels, logits = random_batch(rng, classes=2)
    with pytest.raises(ValueError, match="one .sigmoid. channel"):
        SegmentationLoss()(labels, logits[..., :1])


@pytest.mark.parametrize("wrong", [0.9, 0.5, 1 / 255, np.nan, -0.25])
def test_fractions_are_no_ids(rng, wrong):
    labels, logits = random_batch(rng, classes=2)
    labels = labels.astype("float32")
    expected = value(SegmentationLoss()(labels, logits))
    assert np.isfinite(expected)
    labels[1, 2, 3] = wrong
    with pytest.raises(ValueError, match="Received: values that are not whole"):
        SegmentationLoss()(labels, logits)
    labels[1, 2, 4] = 7
    with pytest.raises(ValueError, match=r"Received: ids \[7\] and values"):
        SegmentationLoss()(labels, logits)
