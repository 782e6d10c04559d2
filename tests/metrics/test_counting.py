import keras
import numpy as np
import pytest
from keras import ops

from kerasseg.metrics import ConfusionMatrix
from kerasseg.metrics import counting

tensorflow_only = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="TensorFlow compiles it"
)


def batch(rng, size=(2, 41, 67), classes=19):
    """Labels with void and unknown ids, and logits with many ties."""
    labels = rng.integers(-1, classes + 1, size).astype("int32")
    labels[rng.random(size) < 0.1] = 255
    logits = rng.integers(-3, 4, (*size, classes)).astype("float32")
    return labels, logits


def expected(labels, logits, classes=19):
    """The histogram by NumPy; the first of equal logits counts."""
    ids = logits.argmax(-1)
    bins = classes**2 + 2 * counting.UNKNOWN_BINS + 1
    counts = np.zeros(bins, "int64")
    for label, prediction in zip(labels.ravel(), ids.ravel(), strict=True):
        if label == 255:
            counts[-1] += 1
        elif 0 <= label < classes:
            counts[label * classes + prediction] += 1
        else:
            unknown = label if label >= 0 else counting.BEYOND
            counts[classes**2 + unknown] += 1
    return counts


@pytest.mark.every_backend
def test_equals_numpy_each_time(rng):
    # From the second time on, TensorFlow runs compiled code.
    for _ in range(3):
        labels, logits = batch(rng)
        counts = counting.count(
            ops.convert_to_tensor(labels),
            ops.convert_to_tensor(logits),
            19,
            (255,),
        )
        np.testing.assert_array_equal(
            ops.convert_to_numpy(counts), expected(labels, logits)
        )


@tensorflow_only
@pytest.mark.parametrize("known", [True, False])
def test_graphs_equal_numpy(rng, known):
    import tensorflow as tf

    labels, logits = batch(rng)
    shape = (None, *logits.shape[1:]) if known else (None,) * 4
    count = tf.function(
        lambda y, x: counting.count(y, x, 19, (255,)),
        input_signature=(
            tf.TensorSpec(shape[:-1], "int32"),
            tf.TensorSpec((*shape[:-1], 19)),
        ),
        autograph=False,
    )
    for number in (2, 1):
        np.testing.assert_array_equal(
            count(labels[:number], logits[:number]),
            expected(labels[:number], logits[:number]),
        )
    calls = {
        node.op
        for node in count.get_concrete_function().graph.as_graph_def().node
    }
    assert ("ArgMax" in calls) is not known


@tensorflow_only
def test_images_of_ever_new_sizes_are_not_compiled_for(rng, monkeypatch):
    monkeypatch.setattr(counting, "_shapes", set())
    monkeypatch.setattr(
        counting, "_compiled", lambda: pytest.fail("compiled for one image")
    )
    metric = ConfusionMatrix(19)
    for width in range(50, 120):
        labels, logits = batch(rng, (1, 40, width))
        metric.update_state(np.clip(labels, 0, 18), logits)
    assert len(counting._shapes) == 64


@tensorflow_only
def test_a_gpu_counts_by_its_own_means(rng, monkeypatch):
    monkeypatch.setattr(counting, "_has_gpu", lambda: True)
    labels, logits = batch(rng)
    counts = counting.count(
        ops.convert_to_tensor(labels), ops.convert_to_tensor(logits), 19, (255,)
    )
    np.testing.assert_array_equal(counts, expected(labels, logits))
