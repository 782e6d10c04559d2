import numpy as np
import pytest

from kerasseg.data import Labels
from kerasseg.data import TfDataSamples
from kerasseg.data import batches
from kerasseg.data import check
from kerasseg.data.tf_data import as_samples

tf = pytest.importorskip("tensorflow")


def stream(samples, size=(None, None)):
    """The samples as a dataset of unknown length."""
    return tf.data.Dataset.from_generator(
        lambda: iter(samples),
        output_signature=(
            tf.TensorSpec((*size, 3), tf.uint8),
            tf.TensorSpec(size, tf.uint8),
        ),
    )


def tensors(samples):
    images, masks = map(np.stack, zip(*samples, strict=True))
    return tf.data.Dataset.from_tensor_slices((images, masks))


def same(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == other.dtype


def test_samples_in_any_order(samples, rng):
    samples[2] = samples[2][0][:20], samples[2][1][:20]
    data = TfDataSamples(stream(samples))
    for index in (4, 0, 6, 2, -1):
        same(data[index], samples[index])
    assert len(data) == 7
    for found, expected in zip(data, samples, strict=True):
        same(found, expected)
    with pytest.raises(IndexError, match="out of range"):
        data[7]


def test_it_is_read_once(samples):
    shuffled = tensors(samples).shuffle(7, seed=1)
    data = TfDataSamples(shuffled)
    first = [int(mask[0, 0]) for _, mask in data]
    assert sorted(first) == list(range(7))
    assert [int(mask[0, 0]) for _, mask in data] == first


def test_batches_are_taken_apart(samples):
    data = TfDataSamples(tensors(samples).batch(3))
    assert len(data) == 7
    same(data[5], samples[5])


def test_dicts_by_their_usual_keys(samples):
    data = tensors(samples).map(
        lambda image, mask: {
            "file_name": "a",
            "segmentation_mask": mask[..., None],
            "image": image,
            "label": 3,
        }
    )
    same(TfDataSamples(data)[1], samples[1])


def test_images_alone(samples):
    data = TfDataSamples(tensors(samples).map(lambda image, mask: image))
    np.testing.assert_array_equal(data[3], samples[3][0])


def test_floats_are_rounded(samples):
    data = tensors(samples)
    floats = data.map(lambda image, mask: (tf.cast(image, "float32"), mask))
    same(TfDataSamples(floats)[0], samples[0])
    resized = floats.map(lambda image, mask: (image * 0.5 + 0.2, mask))
    expected = np.rint(samples[0][0] * 0.5 + 0.2).astype("uint8")
    np.testing.assert_array_equal(TfDataSamples(resized)[0][0], expected)
    scaled = floats.map(lambda image, mask: (image / 255, mask))
    with pytest.raises(ValueError, match="values from 0 to 255"):
        TfDataSamples(scaled)[0]


def test_labels_are_applied(samples):
    labels = Labels(("a", "b"), id_map={i: i % 2 for i in range(6)})
    data = TfDataSamples(tensors(samples), labels)
    assert data.labels is labels
    assert data[5][1].max() == data[5][1].min() == 1
    with pytest.raises(ValueError, match="of element 6 holds ids"):
        data[6]


def test_what_cannot_be_taken(samples):
    data = tensors(samples)
    with pytest.raises(ValueError, match=r"take\(count\)"):
        TfDataSamples(data.repeat())
    with pytest.raises(ValueError, match="Received: elements"):
        TfDataSamples(data.map(lambda image, mask: (image, mask, 1.0)))
    with pytest.raises(ValueError, match="Received: keys a, b"):
        TfDataSamples(data.map(lambda image, mask: {"a": image, "b": mask}))
    halves = data.map(lambda image, mask: (image, mask / 2))
    with pytest.raises(TypeError, match="integer class ids"):
        TfDataSamples(halves)[0]
    colors = data.map(lambda image, mask: (image, image))
    with pytest.raises(ValueError, match="mask of element 0 must have"):
        TfDataSamples(colors)[0]


def test_anything_else_stays_as_it_is(samples):
    assert as_samples(samples) is samples
    assert as_samples(None) is None


def test_batches_are_the_same_as_of_a_list(samples):
    streamed = stream(samples, (33, 47))
    ways = [batches(data, 2, seed=3) for data in (samples, streamed)]
    for one, other in zip(*ways, strict=True):
        same(map(np.asarray, one), map(np.asarray, other))


def test_it_is_checked_like_any_dataset(samples):
    report = check(tensors(samples), Labels(("a", "b")))
    assert [p.name for p in report.errors] == ["unknown_ids"]
    assert report.splits["data"].samples == 7
