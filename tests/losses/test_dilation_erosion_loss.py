import keras
import numpy as np
import pytest
from checks import check_loss
from keras import ops

from kerasseg.losses import DilationErosionLoss
from kerasseg.losses import dilation_erosion_targets

CLASSES = 4


def value(tensor):
    return ops.convert_to_numpy(tensor)


def blobs(rng, height, width, ids=(0, 1, 2)):
    """Two label maps of squares of 4 pixels, so that erosion leaves some."""
    coarse = rng.choice(ids, (2, height // 4 + 1, width // 4 + 1))
    fine = coarse.repeat(4, axis=1).repeat(4, axis=2)
    return fine[:, 1 : height + 1, 2 : width + 2].astype("int32")


def scipy_targets(labels, stride, radius):
    from scipy import ndimage

    rows, columns = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disk = rows**2 + columns**2 <= radius**2
    dilated, eroded = [], []
    for image in labels:
        masks = [image == c for c in range(CLASSES)]
        dilated.append([ndimage.binary_dilation(m, disk) for m in masks])
        eroded.append(
            [ndimage.binary_erosion(m, disk, border_value=1) for m in masks]
        )
    sampled = np.array([dilated, eroded])[
        ..., stride // 2 :: stride, stride // 2 :: stride
    ]
    return np.moveaxis(np.where(sampled, 1.0, -1.0), 2, -1)


@pytest.mark.every_backend
@pytest.mark.parametrize(
    ("radius", "stride"),
    [(0, 1), (3, 1), (2, 2), (9, 4), (5, 4), (7, 3), (1, 8), (4, 8), (6, 8)],
)
def test_targets_equal_scipy(rng, radius, stride):
    labels = blobs(rng, 4 * stride, 6 * stride)
    labels[0, : 2 * stride] = 1
    labels[1, 0, :3] = -1  # no class
    targets = dilation_erosion_targets(labels, CLASSES, 4, 6, radius)
    expected = scipy_targets(labels, stride, radius)
    np.testing.assert_array_equal(value(targets[0]), expected[0])
    np.testing.assert_array_equal(value(targets[1]), expected[1])


@pytest.mark.every_backend
@pytest.mark.parametrize("dtype", ["uint8", "int32"])
def test_void_belongs_to_no_class(rng, dtype):
    labels = blobs(rng, 16, 24, ids=(0, 1, 2, CLASSES, 255)).astype(dtype)
    targets = dilation_erosion_targets(labels, CLASSES, 4, 6, 3)
    expected = scipy_targets(labels, 4, 3)
    np.testing.assert_array_equal(value(targets[0]), expected[0])
    np.testing.assert_array_equal(value(targets[1]), expected[1])


def test_absent_classes_are_outside_everywhere(rng):
    labels = blobs(rng, 16, 24)
    for target in dilation_erosion_targets(labels, CLASSES, 4, 6, 5):
        assert (value(target)[..., 3] == -1).all()


def test_the_border_of_the_image_does_not_erode():
    labels = np.full((1, 16, 24), 2, "int32")
    _, eroded = dilation_erosion_targets(labels, CLASSES, 4, 6, 32)
    assert (value(eroded)[..., 2] == 1).all()


def test_eroded_masks_lie_inside_dilated_ones(rng):
    labels = blobs(rng, 16, 24)
    targets = dilation_erosion_targets(labels, CLASSES, 8, 12, 2)
    dilated, eroded = (value(target) for target in targets)
    assert (eroded <= dilated).all()
    assert (eroded == 1).any()
    assert (eroded < dilated).any()


def naive_loss(targets, logits):
    signs = np.concatenate(list(targets), axis=-1)
    terms = np.log1p(np.exp(-signs * logits.astype("float64")))
    _, height, width, _ = logits.shape
    return (terms.sum(axis=(1, 2, 3)) / (height * width + 1)).mean()


@pytest.mark.parametrize("background", [None, 2])
def test_contract(rng, background):
    labels = blobs(rng, 16, 24, ids=(0, 1, 3, 255))
    logits = rng.normal(size=(2, 4, 6, 2 * CLASSES)).astype("float32")
    ignored = -1 if background is None else background
    counted = np.where(labels == 255, ignored, labels)
    check_loss(
        DilationErosionLoss(CLASSES, radius=3, background=background),
        labels,
        logits,
        expected=naive_loss(scipy_targets(counted, 4, 3), logits),
        atol=1e-4,
    )


def test_zero_logits():
    # Golden check 8, for each of the two masks: 84 ln(2) / 5.
    loss = DilationErosionLoss(21)
    labels = np.zeros((1, 16, 16), "int32")
    logits = np.zeros((1, 2, 2, 42), "float32")
    assert value(loss(labels, logits)) == pytest.approx(2 * 11.644872, 1e-6)


def test_worked_example():
    # Golden check 8: with radius 0 both masks are the class itself. The
    # other class and the eroded masks get logits that cost nothing.
    labels = np.array([[[0, 1], [0, 1]]])
    signs = np.where(labels == 0, 1.0, -1.0)[0]
    free = 100 * signs
    dilated = np.array([[1, -2], [0, 3]])
    logits = np.stack([dilated, -free, free, -free], axis=-1)[None]
    loss = DilationErosionLoss(2, radius=0)
    assert value(loss(labels, logits)) == pytest.approx(0.836385, abs=1e-6)


def test_the_mean_over_images(rng):
    labels = blobs(rng, 16, 24)
    logits = rng.normal(size=(2, 4, 6, 2 * CLASSES)).astype("float32")
    loss = DilationErosionLoss(CLASSES, radius=3)
    alone = [
        value(loss(labels[i : i + 1], logits[i : i + 1])) for i in range(2)
    ]
    assert alone[0] != alone[1]
    assert value(loss(labels, logits)) == pytest.approx(np.mean(alone), 1e-5)


def test_half_precision_logits_lose_only_their_own_rounding(rng):
    labels = blobs(rng, 16, 24)
    logits = rng.normal(size=(2, 4, 6, 2 * CLASSES))
    loss = DilationErosionLoss(CLASSES, radius=3)
    for dtype in ("float16", "bfloat16"):
        rounded = ops.cast(logits, dtype)
        half = loss(labels, rounded)
        assert keras.backend.standardize_dtype(half.dtype) == "float32"
        assert value(half) == value(loss(labels, ops.cast(rounded, "float32")))


def test_a_default_of_half_precision_changes_nothing(rng):
    labels = blobs(rng, 16, 24)
    logits = rng.normal(size=(2, 4, 6, 2 * CLASSES)).astype("float32")
    loss = DilationErosionLoss(CLASSES, radius=3)
    expected = value(loss(labels, logits))
    keras.config.set_floatx("float16")
    try:
        assert value(loss(labels, logits)) == expected
    finally:
        keras.config.set_floatx("float32")


def test_unknown_ids_are_named(rng):
    labels = blobs(rng, 16, 24)
    labels[1, 3, 3] = 9
    logits = np.zeros((2, 4, 6, 2 * CLASSES), "float32")
    with pytest.raises(ValueError, match=r"ids \[9\]"):
        DilationErosionLoss(CLASSES, radius=3)(labels, logits)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 0}, "`num_classes` must be an integer of 1"),
        ({"num_classes": 3, "radius": -1}, "`radius` must be an integer of 0"),
        ({"num_classes": 3, "radius": 2.5}, "`radius` must be an integer of 0"),
        ({"num_classes": 3, "background": 3}, "must be a class id, 0 to 2"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        DilationErosionLoss(**arguments)


def test_wrong_shapes():
    labels = np.zeros((1, 16, 24), "int32")
    loss = DilationErosionLoss(CLASSES)
    with pytest.raises(ValueError, match="8\\), two logits per class"):
        loss(labels, np.zeros((1, 4, 6, CLASSES), "float32"))
    with pytest.raises(ValueError, match="labels of 16x24 and logits of 4x5"):
        loss(labels, np.zeros((1, 4, 5, 2 * CLASSES), "float32"))


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow",
    reason="only TensorFlow traces graphs of unknown size",
)
def test_unknown_sizes_are_refused():
    import tensorflow as tf

    spec = tf.TensorSpec((None, None, None), tf.int32)
    logits = tf.TensorSpec((None, 4, 6, 2 * CLASSES), tf.float32)
    compiled = tf.function(DilationErosionLoss(CLASSES))
    with pytest.raises(ValueError, match="labels and logits of known size"):
        compiled.get_concrete_function(spec, logits)
