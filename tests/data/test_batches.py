import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from kerasseg.data import Augmentation
from kerasseg.data import Batches
from kerasseg.data import Labels
from kerasseg.data import SegmentationFolder
from kerasseg.data import batches
from kerasseg.training.samples import CheckedSamples

AUGMENT = Augmentation(crop_size=(24, 40))
ALL = Augmentation(
    crop_size=(24, 40),
    vertical_flip=True,
    quarter_turns=True,
    rotation=20,
    blur=1.0,
    holes=3,
    class_balance=0.5,
    cutmix=0.5,
)


def _ids(source):
    """First id of each sample, batch by batch."""
    return [
        [int(mask[0, 0]) for mask in source[i][1]] for i in range(len(source))
    ]


def test_plain_batches(samples):
    source = Batches(samples, 3, shuffle=False)
    assert len(source) == 3
    images, masks = source[1]
    assert images.shape == (3, 33, 47, 3)
    assert images.dtype == np.uint8
    assert masks.shape == (3, 33, 47)
    assert masks.dtype == np.int32
    np.testing.assert_array_equal(images[2], samples[5][0])
    assert _ids(source) == [[0, 1, 2], [3, 4, 5], [6]]


def test_scaled_images_and_masks_are_refused(samples):
    image, mask = samples[0]
    scaled = Batches([(image / np.float32(255), mask)], 1)
    with pytest.raises(TypeError, match="Sample 0 must .* uint8.*float32"):
        scaled[0]
    with pytest.raises(ValueError, match="mask of sample 0 .* whole numbers"):
        Batches([(image, mask + 0.5)], 1)[0]
    ids = Batches([(image, mask.astype("float32"))], 1)[0][1]
    np.testing.assert_array_equal(ids[0], mask)


def test_a_class_that_never_occurs_is_reported_once(samples, caplog):
    class Folder(list):
        labels = Labels(("background", "cell"))

    masks = [np.where(mask % 2, 255, 0).astype("uint8") for _, mask in samples]
    images = [image for image, _ in samples]
    data = Folder(zip(images, masks, strict=True))
    source = Batches(data, 2, AUGMENT, drop_remainder=True)
    for _ in range(9):
        for index in range(len(source)):
            source[index]
        source.on_epoch_end()
    assert caplog.text.count("The class cell never occurs in the masks") == 1


def test_drop_remainder(samples):
    source = Batches(samples, 3, shuffle=False, drop_remainder=True)
    assert _ids(source) == [[0, 1, 2], [3, 4, 5]]


def test_each_epoch_has_all_samples_in_another_order(samples):
    source = Batches(samples, 3, seed=4)
    orders = []
    for _ in range(3):
        orders.append(sum(_ids(source), []))
        source.on_epoch_end()
    assert [sorted(order) for order in orders] == [list(range(7))] * 3
    assert len({tuple(order) for order in orders}) == 3


def test_content_depends_on_seed_and_epoch_alone(samples):
    first, again = (Batches(samples, 2, AUGMENT, seed=5) for _ in range(2))
    later = Batches(samples, 2, AUGMENT, seed=5, initial_epoch=1)
    again[3]
    np.testing.assert_array_equal(first[1][0], again[1][0])
    assert (first[1][0] != later[1][0]).any()
    for i in range(len(first)):
        first[i]
    first.on_epoch_end()
    np.testing.assert_array_equal(first[1][0], later[1][0])
    np.testing.assert_array_equal(first[1][1], later[1][1])


def test_cutmix_depends_on_no_batch(samples):
    # The partner is one of all samples, so batches of any size are the same.
    mixing = Augmentation((33, 47), (1, 1), False, 0, 0, 0, 0, cutmix=0.7)
    ways = [
        [mask for batch in Batches(samples, size, mixing) for mask in batch[1]]
        for size in (2, 7)
    ]
    np.testing.assert_array_equal(*ways)
    ids = [np.unique(mask).tolist() for mask in ways[0]]
    assert {len(i) for i in ids} == {1, 2}
    assert set(sum(ids, [])) <= set(range(7))


@pytest.mark.parametrize("form", [Batches, batches])
def test_an_epoch_that_is_told_is_not_counted(samples, form):
    now = 1
    told = form(samples, 7, AUGMENT, current_epoch=lambda: now)
    for now in (1, 1, 0):
        (content,) = told
        expected = Batches(samples, 7, AUGMENT, initial_epoch=now)[0]
        for part, wanted in zip(content, expected, strict=True):
            np.testing.assert_array_equal(part, wanted)


def test_a_look_at_one_batch_is_no_epoch(samples):
    source = Batches(samples, 2)
    source[0]
    source.on_epoch_end()
    source.on_epoch_end()
    assert source.epoch == 0


@pytest.mark.every_backend
def test_both_paths_have_the_same_content(samples):
    tf = pytest.importorskip("tensorflow")
    from kerasseg.data.batches import _as_tf_data

    source = Batches(samples, 2, ALL, seed=3)
    data = _as_tf_data(Batches(samples, 2, ALL, seed=3, workers=2))
    assert isinstance(data, tf.data.Dataset)
    assert int(data.cardinality()) == len(source) == 4
    for _ in range(3):
        next(iter(data))
        taken = list(data.as_numpy_iterator())
        assert len(taken) == 4
        for i, (images, masks) in enumerate(taken):
            want_images, want_masks = source[i]
            np.testing.assert_array_equal(images, want_images)
            np.testing.assert_array_equal(masks, want_masks)
            assert (images.dtype, masks.dtype) == (np.uint8, np.int32)
        source.on_epoch_end()


def test_tf_data_states_its_shapes(samples):
    pytest.importorskip("tensorflow")
    from kerasseg.data.batches import _as_tf_data

    fixed = _as_tf_data(Batches(samples, 2, AUGMENT, drop_remainder=True))
    loose = _as_tf_data(Batches(samples, 2))
    assert [tuple(s.shape) for s in fixed.element_spec] == [
        (2, 24, 40, 3),
        (2, 24, 40),
    ]
    assert [tuple(s.shape) for s in loose.element_spec] == [
        (None, None, None, 3),
        (None, None, None),
    ]


@pytest.mark.every_backend
def test_form_follows_the_backend(samples):
    data = batches(samples, 2, AUGMENT)
    if keras.backend.backend() == "tensorflow":
        assert type(data).__module__.startswith("tensorflow")
    else:
        assert isinstance(data, Batches)
    assert len(data) == 4


@pytest.mark.every_backend
def test_fit_counts_its_epochs(samples):
    seen = []

    def watch(image, mask, rng):
        seen.append(int(rng.integers(2**32)))
        return image, mask

    model = keras.Sequential(
        [
            keras.layers.Input((None, None, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(7, 1),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss)
    data = batches(samples, 2, watch, drop_remainder=True)
    model.fit(data, epochs=3, shuffle=False, verbose=0)
    expected = {
        int(np.random.default_rng((0, epoch, 1 + i)).integers(2**32))
        for epoch in range(3)
        for i in range(7)
    }
    assert set(seen) <= expected
    assert len(set(seen)) == 18


TWO_DEVICES = """
import numpy as np
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
halves = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(cpu, halves)

from kerasseg.data import Batches
from kerasseg.data.batches import _as_tf_data

images = np.arange(8, dtype="uint8")[:, None, None, None]
samples = [(np.tile(i, (4, 5, 3)), np.tile(i[..., 0], (4, 5))) for i in images]
data = _as_tf_data(Batches(samples, 4, shuffle=False, drop_remainder=True))
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
for images, masks in strategy.experimental_distribute_dataset(data):
    parts = strategy.experimental_local_results(masks)
    print([part.numpy()[:, 0, 0].tolist() for part in parts])
"""


@pytest.mark.slow
def test_two_devices_share_each_batch():
    pytest.importorskip("tensorflow")
    # TensorFlow takes logical devices only before its first operation.
    result = subprocess.run(
        [sys.executable, "-c", TWO_DEVICES],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": "tensorflow"},
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == [
        "[[0, 1], [2, 3]]",
        "[[4, 5], [6, 7]]",
    ]


@pytest.mark.parametrize("form", [Batches, batches])
def test_the_shares_of_all_processes_are_the_batches(samples, form):
    samples = samples[:6]
    whole = list(Batches(samples, 4, AUGMENT))
    parts = [form(samples, 4, AUGMENT, share=(part, 2)) for part in (0, 1)]
    for batch, *shares in zip(whole, *parts, strict=True):
        for content, *pieces in zip(batch, *shares, strict=True):
            np.testing.assert_array_equal(np.concatenate(pieces), content)


@pytest.mark.parametrize("form", [Batches, batches])
def test_all_replicas_get_as_many_samples(samples, form, caplog):
    whole = Batches(samples, 4, AUGMENT, seed=2)[1]
    images, masks = list(form(samples, 4, AUGMENT, seed=2, replicas=2))[1]
    assert len(images) == 2
    np.testing.assert_array_equal(images, whole[0][:2])
    np.testing.assert_array_equal(masks, whole[1][:2])
    assert "leaves out other 1 of 7 samples, which 2 devices" in caplog.text
    caplog.clear()
    assert len(form(samples, 4, replicas=2, drop_remainder=True)) == 1
    assert len(form(samples[:6], 4, replicas=2)) == 2
    assert not caplog.text


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="tf.distribute"
)
def test_batches_that_several_gpus_cannot_share(samples, monkeypatch, caplog):
    import tensorflow as tf

    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [1, 2])
    batches(samples, 4, drop_remainder=True)
    batches(samples[:6], 4)
    batches(samples, 4, replicas=1)
    assert not caplog.text
    batches(samples, 4)
    assert "batches of 4 and a last one of 3 cannot be shared" in caplog.text
    assert "in the scope of the strategy" in caplog.text


def test_samples_of_many_sizes(samples):
    samples[1] = samples[1][0][:, 1:], samples[1][1][:, 1:]
    source = Batches(samples, 2, shuffle=False)
    with pytest.raises(
        ValueError, match=r"same height and width.*\(33, 46\), \(33, 47\)"
    ):
        source[0]
    assert Batches(samples, 1, shuffle=False)[1][0].shape == (1, 33, 46, 3)
    assert Batches(samples, 7, AUGMENT)[0][0].shape == (7, 24, 40, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dataset": [], "batch_size": 2}, "at least one batch.*0 samples"),
        ({"batch_size": 8, "drop_remainder": True}, "7 samples, batch_size=8"),
        ({"batch_size": 0}, "`batch_size` must be a positive integer"),
        ({"batch_size": 2, "share": (2, 2)}, r"index from 0.*\(2, 2\)"),
        ({"batch_size": 3, "share": (0, 2)}, "2 equal parts.*batch_size=3"),
        ({"batch_size": 2, "share": (0, 2)}, "2 equal parts.*7 samples"),
        ({"batch_size": 3, "replicas": 2}, "of the 2 devices.*batch_size=3"),
        ({"batch_size": 8, "replicas": 8}, "one batch.*7 samples.*replicas=8"),
        ({"batch_size": 2, "replicas": 0}, "`replicas` must be an integer"),
    ],
)
def test_bad_arguments(samples, arguments, message):
    with pytest.raises(ValueError, match=message):
        Batches(**{"dataset": samples, **arguments})


class Labeled(list):
    labels = Labels(tuple("abcdefg"))


class Cropping:
    crop_size = (24, 40)

    def __call__(self, image, mask, rng):
        return image[:24, :41], mask[:24, :41]


@pytest.mark.parametrize(
    ("augmentation", "error", "message"),
    [
        (lambda i, m, r: (i, m + 90), ValueError, "unknown class ids: 90"),
        (lambda i, m, r: (i, m.astype(int) - 9), ValueError, "ids: -9. Known"),
        (lambda i, m, r: (i[1:], m), ValueError, r"image.shape=\(32, 47, 3\)"),
        (lambda i, m, r: (i, m[..., None]), ValueError, "must return an image"),
        (lambda i, m, r: (i / 255, m), TypeError, "image.dtype=float64"),
        (lambda i, m, r: (i, m / 2), TypeError, "mask.dtype=float64"),
        (lambda i, m, r: i, ValueError, r"return \(image, mask\).*ndarray"),
        (Cropping(), ValueError, r"\(24, 40\) as its .*shape=\(24, 41\)"),
    ],
)
def test_what_an_augmentation_returns_is_checked(
    samples, augmentation, error, message
):
    source = Batches(Labeled(samples), 1, augmentation, shuffle=False)
    with pytest.raises(error, match=f"augmentation of sample 0 .*{message}"):
        source[0]
    assert type(source.error) is error
    again = source.error
    with pytest.raises(error, match="sample 1"):
        source[1]
    assert source.error is again


def test_an_augmentation_may_return_void(samples):
    def void(image, mask, rng):
        return image, np.full(mask.shape, 255)

    assert (Batches(Labeled(samples), 7, void)[0][1] == 255).all()


@pytest.mark.parametrize("known", ["labels", "ids", "argument"])
def test_crops_by_class_show_no_ignored_id(rng, known):
    image = rng.integers(0, 256, (120, 160, 3), dtype="uint8")
    mask = np.full((120, 160), 254, "uint8")
    mask[:, :40] = 255
    mask[50, 90] = 1
    augment = Augmentation((24, 32), (1, 1), class_balance=1.0)
    data = [(image, mask)]
    if known == "labels":
        data = Labeled(data)
        data.labels = Labels(("a", "b"), ignore_classes=(254, 255))
    elif known == "ids":
        data = CheckedSamples(data, 2, (254, 255))
    else:
        augment = Augmentation(
            (24, 32), (1, 1), class_balance=1.0, ignore_classes=(254,)
        )
    source = Batches(data, 1, augment, current_epoch=iter(range(99)).__next__)
    assert source.augmentation is augment
    for _ in range(20):
        assert 1 in source[0][1]


def test_index_beyond_the_end(samples):
    with pytest.raises(IndexError, match="0 to 3. Received: index=4"):
        Batches(samples, 2)[4]


def test_padding_must_be_an_ignored_id(tmp_path, labels, write_sample):
    write_sample("a")
    folder = SegmentationFolder(tmp_path, "train", labels)
    with pytest.raises(ValueError, match=r"\[255\]. Received: ignore_class=0"):
        batches(folder, 1, Augmentation((8, 8), ignore_class=0))


def test_a_broken_file_is_named_from_inside_tf_data(
    tmp_path, labels, write_sample
):
    tf = pytest.importorskip("tensorflow")
    from kerasseg.data.batches import _as_tf_data

    write_sample("a")
    (tmp_path / "images" / "train" / "a.png").write_bytes(b"x")
    folder = SegmentationFolder(tmp_path, "train", labels)
    data = _as_tf_data(Batches(folder, 1))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"a\.png: it is"):
        next(iter(data))
