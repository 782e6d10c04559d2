"""What holds for every metric that looks at whole images."""

import numpy as np
import pytest
from label_maps import label_map
from label_maps import prediction_of

from kerasseg.metrics import BoundaryF1
from kerasseg.metrics import BoundaryIoU
from kerasseg.metrics import TrimapIoU

KINDS = (TrimapIoU, BoundaryIoU, BoundaryF1)

every_kind = pytest.mark.parametrize("kind", KINDS)


def values(metric):
    result = metric.result()
    return list(result.values()) if isinstance(result, dict) else [result]


def score(kind, pairs, num_classes=4, **kwargs):
    metric = kind(num_classes, **kwargs)
    for mask, prediction in pairs:
        metric.update(mask, prediction)
    return values(metric)


def per_class(metric):
    if isinstance(metric, BoundaryF1):
        return metric.per_class_f1()
    return metric.per_class_iou()


@every_kind
def test_agreement_outside_void_is_perfect(kind, rng):
    mask = label_map(rng, (33, 47), 4, void=0.2)
    anything = rng.integers(0, 4, mask.shape)
    prediction = np.where(mask == 255, anything, mask)
    assert set(score(kind, [(mask, prediction)])) == {1.0}


@every_kind
def test_predictions_in_void_do_not_matter(kind, rng):
    mask = label_map(rng, (33, 47), 4, void=0.2)
    prediction = prediction_of(rng, mask, 4)
    other = np.where(mask == 255, rng.integers(0, 4, mask.shape), prediction)
    before = score(kind, [(mask, prediction)])
    assert before == score(kind, [(mask, other)])
    assert 0 < min(before) <= max(before) < 1


@every_kind
def test_turned_and_mirrored_images_score_the_same(kind, rng):
    mask = label_map(rng, (33, 47), 4, void=0.1)
    prediction = prediction_of(rng, mask, 4)
    expected = score(kind, [(mask, prediction)])
    assert score(kind, [(mask.T, prediction.T)]) == pytest.approx(expected)
    flipped = mask[::-1, ::-1], prediction[::-1, ::-1]
    assert score(kind, [flipped]) == pytest.approx(expected)


@every_kind
def test_names_of_classes_do_not_matter(kind, rng):
    mask = label_map(rng, (33, 47), 4)
    prediction = prediction_of(rng, mask, 4)
    order = np.array([130, 3, 64, 63])
    renamed = order[mask], order[prediction]
    assert score(kind, [renamed], 150, ignore_class=None) == pytest.approx(
        score(kind, [(mask, prediction)])
    )


@every_kind
def test_images_of_several_sizes_in_any_order(kind, rng):
    masks = [label_map(rng, s, 4, 0.1) for s in ((33, 47), (20, 9), (1, 30))]
    pairs = [(mask, prediction_of(rng, mask, 4)) for mask in masks]
    expected = score(kind, pairs)
    assert score(kind, pairs[::-1]) == pytest.approx(expected)
    assert score(kind, pairs * 2) == pytest.approx(expected)


@every_kind
def test_absent_classes(kind, rng):
    mask = label_map(rng, (33, 47), 3)
    pairs = [(mask, prediction_of(rng, mask, 3))]
    skip, zero = score(kind, pairs, 4), score(kind, pairs, 4, absent="zero")
    np.testing.assert_allclose(np.array(skip) * 3 / 4, zero)


@every_kind
@pytest.mark.parametrize("void_only", [False, True])
def test_nothing_to_score(kind, void_only):
    pairs = []
    if void_only:
        shape = (12, 15)
        pairs = [(np.full(shape, 255, "uint8"), np.ones(shape, int))]
    assert np.isnan(score(kind, pairs)).all()
    assert set(score(kind, pairs, absent="zero")) == {0.0}


@every_kind
def test_several_ignored_ids_one_of_them_a_class(kind, rng):
    mask = label_map(rng, (33, 47), 4, void=0.1)
    prediction = prediction_of(rng, mask, 4)
    void = np.where(mask == 2, 255, mask)
    metrics = kind(4, ignore_class=(2, 255)), kind(4)
    for metric, ids in zip(metrics, (mask, void), strict=True):
        metric.update(ids, prediction)
    found, expected = map(per_class, metrics)
    # Where the class is predicted it is no miss of a class without pixels.
    expected[..., 2] = np.nan
    np.testing.assert_allclose(found, expected)


@every_kind
def test_bad_arguments(kind):
    with pytest.raises(ValueError, match="of 2 or more.*num_classes=1"):
        kind(1)
    with pytest.raises(ValueError, match=r"one of .*absent='never'"):
        kind(3, absent="never")
    with pytest.raises(TypeError, match=r"integers.*ignore_class=1\.5"):
        kind(3, ignore_class=1.5)


@every_kind
def test_bad_maps(kind):
    metric = kind(3)
    ids = np.zeros((4, 5), int)
    with pytest.raises(ValueError, match=r"same shape.*\(4, 5\).*\(5, 4\)"):
        metric.update(ids, ids.T)
    with pytest.raises(ValueError, match=r"\(height, width\).*\(1, 4, 5\)"):
        metric.update(ids[None], ids[None])
    with pytest.raises(ValueError, match=r"shape=\(0, 5\)"):
        metric.update(ids[:0], ids[:0])
    with pytest.raises(TypeError, match=r"integers.*prediction.dtype=float64"):
        metric.update(ids, ids.astype(float))
    wrong = ids.copy()
    wrong[0, :3] = 7, -1, 255
    with pytest.raises(ValueError, match=r"`mask` .*\(255,\).*ids \[-1, 7\]"):
        metric.update(wrong, ids)
    with pytest.raises(ValueError, match=r"`prediction` .*\[-1, 7, 255\]"):
        metric.update(ids, wrong)
    assert np.isnan(values(metric)).all()
