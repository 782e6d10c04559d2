import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from keras import ops

from kerasseg.metrics import ConfusionMatrix
from kerasseg.metrics import MeanAccuracy
from kerasseg.metrics import MeanIoU
from kerasseg.metrics import scores


def value(tensor):
    return ops.convert_to_numpy(tensor)


def random_batch(rng, classes=4):
    labels = rng.integers(0, classes, (2, 7, 9)).astype("int32")
    labels[rng.random(labels.shape) < 0.2] = 255
    logits = rng.normal(size=(2, 7, 9, classes)).astype("float32")
    return labels, logits


def histogram(labels, predictions, classes, ignored=(255,)):
    matrix = np.zeros((classes, classes), "int64")
    valid = ~np.isin(labels, ignored)
    np.add.at(matrix, (labels[valid], predictions[valid]), 1)
    return matrix


def test_config_round_trip():
    metric = ConfusionMatrix(3, (254, 255), "zero", name="counts")
    config = keras.saving.serialize_keras_object(metric)
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == metric.get_config()
    assert config["config"]["ignore_class"] == [254, 255]
    assert ConfusionMatrix(3, None).get_config()["ignore_class"] is None


@pytest.mark.every_backend
@given(
    seed=st.integers(0, 10_000),
    classes=st.integers(2, 5),
    ignored=st.sampled_from([(), (255,), (0, 255), (77, 1000)]),
)
@settings(max_examples=12, deadline=None)
def test_equals_numpy(seed, classes, ignored):
    rng = np.random.default_rng(seed)
    metric = ConfusionMatrix(classes, ignored)
    expected = 0
    for _ in range(2):
        labels = rng.choice([*range(classes), *ignored], (2, 3, 5))
        logits = rng.normal(size=(2, 3, 5, classes)).astype("float32")
        metric.update_state(labels, logits)
        expected += histogram(labels, logits.argmax(-1), classes, ignored)
    np.testing.assert_array_equal(metric.matrix(), expected)
    np.testing.assert_array_equal(value(metric.result()), expected)
    np.testing.assert_allclose(
        metric.per_class_iou(),
        scores(expected, ignored=ignored)["per_class_iou"],
    )


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32"])
def test_forms_of_the_same_batch(rng, dtype):
    labels, logits = random_batch(rng)
    ids = logits.argmax(axis=-1)
    expected = histogram(labels, ids, 4)
    typed = labels.astype(dtype)
    for y_true in (typed, typed[..., None]):
        for y_pred in (logits, ids.astype(dtype), ids[..., None]):
            metric = ConfusionMatrix(4)
            metric.update_state(y_true, y_pred)
            np.testing.assert_array_equal(metric.matrix(), expected)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_logits(rng, dtype):
    labels, logits = random_batch(rng)
    rounded = ops.cast(logits, dtype)
    ids = value(ops.cast(rounded, "float32")).argmax(axis=-1)
    metric = ConfusionMatrix(4)
    metric.update_state(labels, rounded)
    np.testing.assert_array_equal(metric.matrix(), histogram(labels, ids, 4))


@pytest.mark.every_backend
def test_counts_stay_exact_beyond_float32_and_int32():
    metric = ConfusionMatrix(2)
    metric._low.assign([[2**24 - 1, 5], [0, 2**24 - 2]])
    metric._high.assign([[2**20, 0], [0, 1]])
    start = metric.matrix()
    assert start[0, 0] == 2**44 + 2**24 - 1
    labels = np.array([[0, 0, 0, 1, 1, 1]])
    predictions = np.array([[0, 0, 1, 0, 1, 1]])
    metric.update_state(labels, predictions)
    np.testing.assert_array_equal(metric.matrix() - start, [[2, 1], [1, 2]])
    assert value(metric._low).max() < 2**24
    np.testing.assert_allclose(
        value(metric.result()), metric.matrix(), rtol=1e-6
    )


def test_results_equal_numpy_beyond_float32(rng):
    metric = MeanIoU(5)
    metric._low.assign(rng.integers(0, 2**24, (5, 5)))
    metric._high.assign(rng.integers(0, 2**16, (5, 5)))
    expected = scores(metric.matrix())["mean_iou"]
    assert value(metric.result()) == pytest.approx(expected, rel=1e-5)


def test_reset(rng):
    metric = ConfusionMatrix(4)
    labels, logits = random_batch(rng)
    labels[0, 0, 0] = 9
    metric.update_state(labels, logits)
    metric.reset_state()
    metric.check()
    assert not metric.matrix().any()


def test_unknown_ids_are_named_and_counted():
    metric = MeanIoU(3)
    labels = np.array([[0, 9, 255, 9], [300, -1, 2, 30]])
    metric.update_state(labels, np.zeros((2, 4, 3), "float32"))
    message = (
        r"`y_true` must hold class ids 0 to 2 or ignored ids \(255,\). "
        r"Received: ids 9 \(2 pixels\), 30 \(1 pixels\), "
        r"below 0 or above 255 \(2 pixels\)"
    )
    for read in (metric.result, metric.check, metric.matrix):
        with pytest.raises(ValueError, match=message):
            read()


def test_fractions_are_no_class_ids():
    metric = MeanIoU(2)
    scaled = np.array([[0, 1, 128, 255]]) / 255
    metric.update_state(scaled.astype("float32"), np.array([[0, 1, 0, 1]]))
    with pytest.raises(
        ValueError, match=r"`y_true` .* Received: values .* whole .*\(2 pix"
    ):
        metric.result()
    metric.update_state(np.array([[9.0, 0.5, np.nan]]), np.array([[0, 1, 0]]))
    with pytest.raises(
        ValueError, match=r"ids 9 \(1 pixels\), values .*\(4 pixels\)"
    ):
        metric.result()


def test_one_channel_of_probabilities_is_refused(rng):
    labels = rng.integers(0, 2, (1, 4, 6))
    metric = MeanIoU(2)
    metric.update_state(labels, rng.random((1, 4, 6, 1)).astype("float32"))
    with pytest.raises(
        ValueError, match=r"`y_pred` .* one \(sigmoid\) channel is not"
    ):
        metric.result()


@pytest.mark.parametrize("absent", ["skip", "zero"])
def test_an_ignored_class_is_left_out_of_means(absent):
    # Class 0 is predicted, but no label of it counts.
    labels = np.array([[0, 0, 1, 1, 2]])
    predictions = np.array([[0, 1, 1, 0, 2]])
    expected = {MeanIoU: (0.5 + 1) / 2, MeanAccuracy: (0.5 + 1) / 2}
    for kind, score in expected.items():
        metric = kind(3, ignore_class=(0, 255), absent=absent)
        metric.update_state(labels, predictions)
        assert value(metric.result()) == pytest.approx(score)
        np.testing.assert_allclose(metric.per_class_iou(), [np.nan, 0.5, 1])


def test_unknown_predictions_are_named_where_they_count():
    metric = MeanIoU(3)
    metric.update_state(np.array([[255, 0]]), np.array([[7, 1]]))
    metric.check()
    metric.update_state(np.array([[1, 0]]), np.array([[7, 1]]))
    with pytest.raises(ValueError, match=r"`y_pred` .* ids 7 \(1 pixels\)"):
        metric.check()


@pytest.mark.every_backend
@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="tf.function is TensorFlow"
)
@pytest.mark.parametrize("absent", ["skip", "zero"])
def test_unknown_ids_give_nan_while_tracing(rng, absent):
    import tensorflow as tf

    metric = MeanIoU(4, absent=absent)

    @tf.function
    def score(labels, logits):
        metric.update_state(labels, logits)
        return metric.result()

    labels, logits = random_batch(rng)
    expected = scores(histogram(labels, logits.argmax(-1), 4))["mean_iou"]
    assert float(score(labels, logits)) == pytest.approx(expected, rel=1e-5)
    labels[0, 0, 0] = 17
    assert np.isnan(float(score(labels, logits)))
    with pytest.raises(ValueError, match="ids 17"):
        metric.check()


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="tf.function is TensorFlow"
)
def test_sizes_known_only_at_run_time(rng):
    import tensorflow as tf

    metric = ConfusionMatrix(4)
    update = tf.function(
        metric.update_state,
        input_signature=[
            tf.TensorSpec((None, None, None), tf.int32),
            tf.TensorSpec((None, None, None, 4), tf.float32),
        ],
    )
    labels, logits = random_batch(rng)
    update(labels, logits)
    expected = histogram(labels, logits.argmax(-1), 4)
    np.testing.assert_array_equal(metric.matrix(), expected)


@pytest.mark.every_backend
@pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="stateless updates under jax.jit"
)
def test_compiled_by_jax(rng):
    import jax

    metric = MeanIoU(4)

    @jax.jit
    def step(state, labels, logits):
        state = metric.stateless_update_state(state, labels, logits)
        return state, metric.stateless_result(state)

    labels, logits = random_batch(rng)
    state = [variable.value for variable in metric.variables]
    state, result = step(state, labels, logits)
    expected = scores(histogram(labels, logits.argmax(-1), 4))["mean_iou"]
    assert float(result) == pytest.approx(expected, rel=1e-5)
    labels[0, 0, 0] = 17
    assert np.isnan(float(step(state, labels, logits)[1]))


@pytest.mark.parametrize(
    ("y_true", "y_pred"),
    [
        ((2, 7, 9), (2, 7, 9, 3)),
        ((2, 7, 9), (2, 7, 8, 4)),
        ((2, 7, 9), (2, 7, 8)),
        ((2, 14, 18), (2, 7, 9, 4)),
    ],
)
def test_wrong_shapes(y_true, y_pred):
    metric = ConfusionMatrix(4)
    with pytest.raises(ValueError, match="logits of the size of `y_true`"):
        metric.update_state(np.zeros(y_true, "int32"), np.zeros(y_pred))


def test_weights_are_refused():
    metric = ConfusionMatrix(4)
    with pytest.raises(ValueError, match="`sample_weight` must be None"):
        metric.update_state([[0]], [[0]], sample_weight=[1.0])


def test_wrong_arguments():
    with pytest.raises(ValueError, match="`num_classes`.* of 2 or more"):
        ConfusionMatrix(1)
    with pytest.raises(ValueError, match="`absent` must be one of"):
        ConfusionMatrix(3, absent="nan")
    with pytest.raises(TypeError, match="`ignore_class` must be an integer"):
        ConfusionMatrix(3, ignore_class=2.5)
