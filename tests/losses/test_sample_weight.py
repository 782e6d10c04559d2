"""Weights of images and pixels, as `fit` hands them to a loss."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from keras import ops

from kerasseg.losses import BoundaryWeightedLoss
from kerasseg.losses import DiceLoss
from kerasseg.losses import DilationErosionLoss
from kerasseg.losses import DistillationLoss
from kerasseg.losses import FocalLoss
from kerasseg.losses import JaccardLoss
from kerasseg.losses import LovaszSoftmaxLoss
from kerasseg.losses import MultiLabelLoss
from kerasseg.losses import OHEMLoss
from kerasseg.losses import SegmentationLoss
from kerasseg.losses import SumLoss
from kerasseg.losses import TverskyLoss
from kerasseg.losses import dilation_erosion_targets

CLASSES = 3
MAPS = {
    "valid": SegmentationLoss(class_weights=[1.0, 0.5, 2.0]),
    "image": SegmentationLoss(normalization="image"),
    "plain sum": SegmentationLoss(normalization="sum"),
    "lovasz": LovaszSoftmaxLoss(),
    "dice": DiceLoss(class_weights=[1.0, 0.5, 2.0]),
    "dice per image": DiceLoss(scope="image", squared=True),
    "jaccard": JaccardLoss(),
    "tversky": TverskyLoss(classes="all", smooth=1.0),
    "focal": FocalLoss(normalization="image"),
    "hard": OHEMLoss(threshold=0.5, keep=0.25),
    "boundary": BoundaryWeightedLoss(sigma=1.0),
    "sum": SumLoss([SegmentationLoss(normalization="sum"), DiceLoss()]),
    "rims": DilationErosionLoss(CLASSES, radius=2),
}


def value(tensor):
    return ops.convert_to_numpy(tensor)


# What a batch of which one image weighs nothing is worth, beside that image
# alone, where it is the same for all images: by default half.
ONE_OF_TWO = {
    **dict.fromkeys(["lovasz", "dice", "jaccard", "tversky"], 1),
    **dict.fromkeys(["valid", "hard", "boundary", "sum"], None),
}


def batch(rng, channels=CLASSES, size=(6, 9), stride=1):
    labels = rng.integers(0, CLASSES, (2, size[0] * stride, size[1] * stride))
    labels[rng.random(labels.shape) < 0.2] = 255
    logits = rng.normal(size=(2, *size, channels)).astype("float32")
    return labels.astype("int32"), logits


def channels_of(loss):
    return CLASSES * (2 if isinstance(loss, DilationErosionLoss) else 1)


def cross_entropy(labels, logits):
    logits = logits.astype("float64")
    log_sum = np.log(np.exp(logits).sum(axis=-1))
    ids = np.where(labels == 255, 0, labels)
    chosen = np.take_along_axis(logits, ids[..., None], -1)[..., 0]
    return np.where(labels == 255, 0, log_sum - chosen)


@pytest.mark.every_backend
@given(
    seed=st.integers(0, 999),
    stride=st.sampled_from([1, 2, 5]),
    form=st.sampled_from(["image", "column", "pixel", "channel"]),
    normalization=st.sampled_from(["valid", "image", "sum"]),
)
@settings(max_examples=25, deadline=None)
def test_cross_entropy_equals_numpy(seed, stride, form, normalization):
    rng = np.random.default_rng(seed)
    labels, logits = batch(rng, stride=stride)
    table = rng.random(CLASSES)
    pixels = rng.random(labels.shape).astype("float32")
    pixels[rng.random(labels.shape) < 0.3] = 0
    if form in ("image", "column"):
        pixels[:] = pixels[:, :1, :1]
    given = {
        "image": pixels[:, 0, 0],
        "column": pixels[:, 0, :1],
        "pixel": pixels,
        "channel": pixels[..., None],
    }[form]
    loss = SegmentationLoss(class_weights=table, normalization=normalization)

    at = slice(stride // 2, None, stride)
    labels_at, pixels_at = labels[:, at, at], pixels[:, at, at]
    weight = np.where(labels_at == 255, 0, table[labels_at % 255])
    entropy = pixels_at * weight * cross_entropy(labels_at, logits)
    total = entropy.sum(axis=(1, 2))
    expected = {
        "valid": total.sum() / max(weight.sum(), 1e-12),
        "image": (total / (weight.sum(axis=(1, 2)) + 1)).mean(),
        "sum": total.mean(),
    }[normalization]
    np.testing.assert_allclose(
        value(loss(labels, logits, given)), expected, rtol=1e-4, atol=1e-6
    )


def test_two_for_a_pixel_is_the_pixel_twice(rng):
    labels, logits = batch(rng)
    weights = rng.integers(0, 4, labels.shape)
    times = weights.ravel()
    loss = LovaszSoftmaxLoss()
    repeated = loss(
        np.repeat(labels.ravel(), times)[None, None],
        np.repeat(logits.reshape(-1, CLASSES), times, axis=0)[None, None],
    )
    np.testing.assert_allclose(
        value(loss(labels, logits, weights)), value(repeated), rtol=1e-5
    )


@pytest.mark.every_backend
def test_rims_equal_numpy(rng):
    labels, logits = batch(rng, 2 * CLASSES, stride=3)
    weights = rng.random(labels.shape).astype("float32")
    loss = DilationErosionLoss(CLASSES, radius=2)
    clean = np.where(labels == 255, -1, labels)
    targets = dilation_erosion_targets(clean, CLASSES, 6, 9, radius=2)
    signs = np.concatenate([value(t) for t in targets], axis=-1)
    pixels = np.log1p(np.exp(-signs * logits)).sum(-1) * weights[:, 1::3, 1::3]
    expected = pixels.sum(axis=(1, 2)).mean() / (6 * 9 + 1)
    np.testing.assert_allclose(
        value(loss(labels, logits, weights[..., None])), expected, rtol=1e-5
    )


def test_a_pixel_of_weight_zero_shows_no_class(rng):
    labels, _ = batch(rng)
    logits = rng.normal(size=(2, CLASSES)).astype("float32")
    keep = labels != 1
    loss = MultiLabelLoss(reduction=None)
    ignored = value(loss(np.where(keep, labels, 255), logits))
    np.testing.assert_allclose(
        value(loss(labels, logits, keep.astype("float32"))), ignored, rtol=1e-6
    )
    per_image = value(loss(labels, logits, np.array([0.0, 3.0])))
    plain = value(loss(labels, logits))
    np.testing.assert_allclose(per_image, [0, 3 * plain[1]], rtol=1e-6)


@pytest.mark.by_day(5)
@pytest.mark.parametrize("name", MAPS)
def test_weights_of_one_change_nothing(rng, name):
    loss = MAPS[name]
    labels, logits = batch(rng, channels_of(loss))
    plain = value(loss(labels, logits))
    for shape in ((2,), (2, 1), labels.shape, (*labels.shape, 1)):
        ones = np.ones(shape, "float32")
        np.testing.assert_allclose(
            value(loss(labels, logits, ones)), plain, rtol=1e-6
        )
    labels[1] = 0
    alone = value(loss(labels[:1], logits[:1]))
    first = value(loss(labels, logits, np.array([1, 0])))
    factor = ONE_OF_TWO.get(name, 0.5)
    if factor is not None:
        np.testing.assert_allclose(first, factor * alone, rtol=1e-5)


@keras.saving.register_keras_serializable("tests")
class Shift(keras.layers.Layer):
    """A weight for each pixel, in which its gradient shows."""

    def build(self, input_shape):
        self.shift = self.add_weight(shape=input_shape[1:], initializer="zeros")

    def call(self, inputs):
        return inputs + self.shift


def as_arrays(*arrays):
    return arrays[:2], {"sample_weight": arrays[2], "batch_size": 2}


def as_tf_data(*arrays):
    import tensorflow as tf

    pairs = tf.data.Dataset.from_tensor_slices(arrays).batch(2)
    return (pairs,), {"shuffle": False}


def as_py_dataset(*arrays):
    class Whole(keras.utils.PyDataset):
        def __len__(self):
            return 1

        def __getitem__(self, index):
            return arrays

    return (Whole(),), {"shuffle": False}


FEEDS = [
    *((name, "pixel", as_arrays) for name in MAPS),
    ("valid", "channel", as_arrays),
    *(
        ("valid", form, feed)
        for form in ("pixel", "channel")
        for feed in (as_tf_data, as_py_dataset)
    ),
]


@pytest.mark.by_day(6)
@pytest.mark.parametrize(("name", "form", "feed"), FEEDS)
@pytest.mark.filterwarnings("ignore:Your `PyDataset` class:UserWarning")
def test_pixels_of_weight_zero_learn_nothing(rng, name, form, feed):
    if feed is as_tf_data and keras.backend.backend() != "tensorflow":
        pytest.skip("tf.data is fed where TensorFlow trains")
    loss = MAPS[name]
    labels, logits = batch(rng, channels_of(loss))
    labels[0] = rng.integers(0, CLASSES, labels[0].shape)
    off = rng.random(labels.shape[1:]) < 0.4
    weights = np.where(off, 0, rng.uniform(0.5, 1, labels.shape))
    weights = weights.astype("float32")
    if form == "channel":
        labels, weights = labels[..., None], weights[..., None]
    layer = Shift()
    model = keras.Sequential([keras.Input(logits.shape[1:]), layer])
    model.compile(keras.optimizers.SGD(1.0), loss)
    arguments, options = feed(logits, labels, weights)
    history = model.fit(*arguments, **options, verbose=0)
    expected = value(loss(labels, logits, weights))
    assert history.history["loss"][0] == pytest.approx(expected, rel=1e-5)
    moved = np.abs(value(layer.shift)).sum(axis=-1)
    assert (moved[off] == 0).all()
    assert (moved[~off] > 0).mean() > 0.5


def learned(loss, logits, targets, weights=None):
    """What one step of training adds to logits, the same for each image."""
    layer = Shift()
    model = keras.Sequential([keras.Input(logits.shape[1:]), layer])
    model.compile(keras.optimizers.SGD(1.0), loss)
    model.fit(logits, targets, sample_weight=weights, batch_size=2, verbose=0)
    return value(layer.shift)


@pytest.mark.every_backend
@pytest.mark.by_day(7)
@pytest.mark.parametrize("name", [*MAPS, "taught"])
def test_nothing_is_learned_from_wild_logits_that_do_not_count(rng, name):
    loss = {**MAPS, "taught": DistillationLoss()}[name]
    labels, logits = batch(rng, channels_of(loss))
    labels[labels == 255] = 0
    off = rng.random(labels.shape[1:]) < 0.4
    weights = np.ones(labels.shape, "float32")
    weights[0, off] = 0
    if name in ("rims", "taught"):  # Ignored ids count there.
        weights[1, off] = 0
    else:
        labels[1, off] = 255
    targets = labels
    if name == "taught":
        targets = rng.normal(size=logits.shape).astype("float32")
    wild = rng.choice([np.nan, np.inf, -np.inf], logits.shape)
    logits = np.where(off[..., None], wild, logits).astype("float32")
    moved = learned(loss, logits, targets, weights)
    assert (moved[off] == 0).all()
    assert np.isfinite(moved).all()
    assert (moved[~off] != 0).any()


@pytest.mark.every_backend
def test_wild_logits_of_an_image_without_labels(rng):
    labels, _ = batch(rng)
    labels[1] = 255
    logits = rng.normal(size=(2, CLASSES)).astype("float32")
    logits[1] = np.inf
    moved = learned(MultiLabelLoss(), logits, labels)
    assert np.isfinite(moved).all()
    assert (moved != 0).all()


@pytest.mark.parametrize(
    "shape", [(9,), (2, 6), (2, 9), (6, 9), (2, 9, 6), (2, 6, 9, 3), (3, 6, 9)]
)
@pytest.mark.parametrize("name", MAPS)
def test_other_shapes_name_class_weights(rng, name, shape):
    labels, logits = batch(rng, channels_of(MAPS[name]))
    with pytest.raises(ValueError, match="`class_weights` of the loss") as got:
        MAPS[name](labels, logits, np.ones(shape))
    assert f"sample_weight.shape={shape}" in str(got.value)


def test_class_weight_of_fit_on_a_tf_dataset(rng):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("Keras itself refuses it elsewhere")
    labels, logits = batch(rng)
    labels[labels == 255] = 0
    model = keras.Sequential([keras.Input(logits.shape[1:]), Shift()])
    model.compile("sgd", SegmentationLoss())
    arguments, options = as_tf_data(logits, labels)
    with pytest.raises(ValueError, match="not `class_weight` of `fit`"):
        model.fit(*arguments, **options, class_weight={0: 1.0, 1: 2.0, 2: 1.0})


@pytest.mark.parametrize(
    "kind", [SegmentationLoss, LovaszSoftmaxLoss, DiceLoss, DilationErosionLoss]
)
def test_void_by_default_is_no_class(rng, kind):
    extra = {"num_classes": 300} if kind is DilationErosionLoss else {}
    labels = rng.integers(0, 300, (1, 2, 3))
    labels[0, 0, 0] = 255
    channels = 600 if extra else 300
    logits = rng.normal(size=(1, 2, 3, channels)).astype("float32")
    message = "`ignore_class` must be said .*255 with 300 classes"
    with pytest.raises(ValueError, match=message):
        kind(**extra)(labels, logits)
    losses = [
        value(kind(ignore_class=ignored, **extra)(labels, logits))
        for ignored in (None, (255,))
    ]
    assert losses[0] != losses[1]


def test_void_by_default_is_no_class_of_an_image():
    labels, logits = np.full((1, 2, 3), 255), np.ones((1, 300), "float32")
    with pytest.raises(ValueError, match="`ignore_class` must be said"):
        MultiLabelLoss()(labels, logits)
    assert value(MultiLabelLoss(ignore_class=None)(labels, logits)) > 0


def test_a_mean_over_weights_is_refused():
    with pytest.raises(ValueError, match="must not divide by the weights"):
        SegmentationLoss(reduction="mean_with_sample_weight")
