"""Dice, Jaccard and Tversky against their formulas, in float64."""

import keras
import numpy as np
import pytest
from checks import check_loss
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from keras import ops

from kerasseg.losses import DiceLoss
from kerasseg.losses import JaccardLoss
from kerasseg.losses import TverskyLoss

LOSSES = (DiceLoss, JaccardLoss, TverskyLoss)


def softmax(logits):
    logits = logits.astype("float64")
    exponents = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponents / exponents.sum(axis=-1, keepdims=True)


def case(rng, shape=(2, 5, 7), classes=4):
    labels = rng.integers(0, classes, shape)
    labels[rng.random(shape) < 0.2] = 255
    return labels, rng.normal(0, 2, (*shape, classes)).astype("float32")


def dice(p, t, smooth):
    return (2 * (p * t).sum() + smooth) / (p.sum() + t.sum() + smooth)


def squared_dice(p, t, smooth):
    """The form of the V-Net paper."""
    below = (p**2).sum() + (t**2).sum() + smooth
    return (2 * (p * t).sum() + smooth) / below


def jaccard(p, t, smooth):
    both = (p * t).sum()
    return (both + smooth) / (p.sum() + t.sum() - both + smooth)


def tversky(p, t, smooth, alpha=0.3, beta=0.7):
    true = (p * t).sum()
    wrong = alpha * (p * (1 - t)).sum() + beta * ((1 - p) * t).sum()
    return (true + smooth) / (true + wrong + smooth)


def reference(score, labels, logits, smooth=0, weights=None, classes="present"):
    """One minus the mean score of the pixels of all images together."""
    count = labels != 255
    p, t = softmax(logits)[count], np.eye(256)[labels][count]
    terms, total = 0.0, 0.0
    for c in range(logits.shape[-1]):
        if classes == "all" or t[:, c].any():
            weight = 1 if weights is None else weights[c]
            terms += weight * (1 - score(p[:, c], t[:, c], smooth))
            total += weight
    return terms / total if total else 0.0


FORMS = {
    "dice": (DiceLoss, dice),
    "squared": (lambda **kw: DiceLoss(squared=True, **kw), squared_dice),
    "jaccard": (JaccardLoss, jaccard),
    "tversky": (TverskyLoss, tversky),
}


@pytest.mark.parametrize("name", FORMS)
def test_contract(rng, name):
    make, score = FORMS[name]
    labels, logits = case(rng)
    expected = reference(score, labels, logits)
    check_loss(make(), labels, logits, expected)
    check_loss(make(), labels[..., None], logits, expected)


@given(
    seed=st.integers(0, 999),
    name=st.sampled_from(list(FORMS)),
    stride=st.sampled_from([1, 3]),
    smooth=st.sampled_from([0.0, 1.0, 20.0]),
    scope=st.sampled_from(["batch", "image"]),
)
@settings(max_examples=25, deadline=None)
def test_equals_numpy(seed, name, stride, smooth, scope):
    rng = np.random.default_rng(seed)
    make, score = FORMS[name]
    sampled, logits = case(rng, classes=5)
    sampled[sampled == 3] = 0  # a class that does not occur
    labels = np.full((2, 5 * stride, 7 * stride), 255)
    labels[:, stride // 2 :: stride, stride // 2 :: stride] = sampled
    weights = rng.random(5)
    classes = "all" if smooth and seed % 2 else "present"
    loss = make(
        class_weights=weights, smooth=smooth, scope=scope, classes=classes
    )
    parts = [(sampled, logits)]
    if scope == "image":
        parts = [(sampled[i : i + 1], logits[i : i + 1]) for i in range(2)]
    expected = np.mean(
        [reference(score, *part, smooth, weights, classes) for part in parts]
    )
    assert float(loss(labels, logits)) == pytest.approx(expected, abs=1e-5)


def test_tversky_has_dice_and_jaccard_as_cases(rng):
    labels, logits = case(rng)

    def value(loss):
        return float(loss(labels, logits))

    assert value(TverskyLoss(0.5, 0.5, smooth=2.0)) == pytest.approx(
        value(DiceLoss(smooth=4.0)), abs=1e-6
    )
    assert value(TverskyLoss(1, 1)) == pytest.approx(
        value(JaccardLoss()), abs=1e-6
    )


def test_alpha_is_for_false_positives():
    labels = np.array([[[0, 0, 0, 1]]])
    everywhere_one = np.tile([-50.0, 50.0], (1, 1, 4, 1)).astype("float32")
    loss = TverskyLoss(alpha=0.25, beta=1.0, class_weights=[0, 1])
    # One true pixel, three false positives.
    expected = 1 - 1 / (1 + 0.25 * 3)
    assert float(loss(labels, everywhere_one)) == pytest.approx(expected)
    nowhere_one = -everywhere_one
    half = TverskyLoss(alpha=1.0, beta=0.25, class_weights=[1, 0])
    assert float(half(labels, nowhere_one)) == pytest.approx(1 - 3 / (3 + 1))


@pytest.mark.parametrize("make", LOSSES)
def test_ignored_ids_and_nothing_left(rng, make):
    labels, logits = case(rng)
    two = make(ignore_class=(1, 255))
    merged = np.where(labels == 1, 255, labels)
    assert float(two(labels, logits)) == pytest.approx(
        float(make()(merged, logits)), abs=1e-6
    )
    logits[labels == 255] = np.inf
    assert np.isfinite(float(make()(labels, logits)))
    nothing = np.full_like(labels, 255)
    for options in ({}, {"classes": "all", "smooth": 1.0}):
        for scope in ("batch", "image"):
            loss = make(scope=scope, **options)
            assert float(loss(nothing, logits)) == 0


@pytest.mark.parametrize("make", LOSSES)
def test_a_pixel_of_weight_two_is_the_pixel_twice(rng, make):
    labels, logits = case(rng)
    weights = rng.integers(0, 4, labels.shape)
    times = weights.ravel()
    repeated = make()(
        np.repeat(labels.ravel(), times)[None, None],
        np.repeat(logits.reshape(-1, 4), times, axis=0)[None, None],
    )
    weighted = make()(labels, logits, weights)
    assert float(weighted) == pytest.approx(float(repeated), abs=1e-6)


def test_sums_of_many_pixels_are_exact_in_half_precision(rng):
    # Half precision counts to 2048 and 256.
    labels = np.zeros((1, 96, 128), "int32")
    labels[:, :60] = 1
    logits = rng.normal(size=(1, 96, 128, 2)).round(1).astype("float32")
    for dtype in ("float16", "bfloat16"):
        rounded = ops.cast(logits, dtype)
        full = ops.convert_to_numpy(ops.cast(rounded, "float32"))
        found = DiceLoss()(labels, rounded)
        assert keras.backend.standardize_dtype(found.dtype) == "float32"
        assert float(found) == pytest.approx(
            reference(dice, labels, full), abs=1e-5
        )


@pytest.mark.parametrize("make", LOSSES)
def test_absent_classes_cost_where_all_count(rng, make):
    labels, logits = case(rng)
    labels[labels == 2] = 0
    more = logits + np.array([0, 0, 9, 0], "float32")
    present, every = make(), make(classes="all", smooth=1.0)
    # Class 2 alone, by weights.
    only = make(classes="all", smooth=1.0, class_weights=[0, 0, 1, 0])
    assert float(only(labels, more)) > 0.8
    assert float(only(labels, logits)) < float(only(labels, more))
    assert float(make(class_weights=[0, 0, 1, 0])(labels, more)) == 0
    assert 0 < float(present(labels, logits)) < 1
    assert 0 < float(every(labels, logits)) < 1


def test_bad_input(rng):
    labels, logits = case(rng)
    with pytest.raises(ValueError, match=r"ids \[9\]"):
        DiceLoss()(np.where(labels == 1, 9, labels), logits)
    with pytest.raises(ValueError, match="each of the 4 classes"):
        DiceLoss(class_weights=[1.0, 2.0])(labels, logits)
    with pytest.raises(ValueError, match="`y_pred` must have shape"):
        JaccardLoss()(labels, logits[..., 0])
    with pytest.raises(ValueError, match="one .sigmoid. channel"):
        JaccardLoss()(labels, logits[..., :1])


@pytest.mark.parametrize(
    ("make", "arguments", "message"),
    [
        (DiceLoss, {"classes": "some"}, "`classes` must be one of present"),
        (DiceLoss, {"classes": "all"}, "`smooth` must be above 0 with"),
        (DiceLoss, {"scope": "pixel"}, "`scope` must be one of batch"),
        (DiceLoss, {"smooth": -1}, "`smooth` must be a finite number of 0"),
        (JaccardLoss, {"smooth": True}, "`smooth` must be a finite number"),
        (JaccardLoss, {"class_weights": [-1.0]}, "one finite number, 0 or"),
        (TverskyLoss, {"alpha": 0}, "`alpha` must be above 0"),
        (TverskyLoss, {"beta": float("nan")}, "`beta` must be a finite"),
    ],
)
def test_wrong_arguments(make, arguments, message):
    with pytest.raises(ValueError, match=message):
        make(**arguments)
