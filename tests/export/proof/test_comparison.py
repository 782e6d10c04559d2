import numpy as np
import pytest

from kerasseg.export import ExportError
from kerasseg.export import compare
from kerasseg.export.proof.comparison import Comparison
from kerasseg.metrics.scores import confusion_matrix
from kerasseg.metrics.scores import scores


def test_compare_measures_the_difference(rng):
    reference = rng.normal(size=(2, 3, 4, 5)).astype("float32")
    candidate = reference.copy()
    candidate[0, 1, 2, 3] += 100.0
    result = compare(reference, candidate)
    assert result["max_error"] == pytest.approx(100.0, rel=1e-5)
    assert result["mean_error"] == pytest.approx(100.0 / 120, rel=1e-5)
    assert result["logit_range"] == pytest.approx(np.ptp(reference))
    assert result["mask_agreement"] in (1.0, pytest.approx(23 / 24))
    assert result["miou_before"] is None


def test_logits_of_another_shape_or_without_value():
    reference = np.zeros((1, 3, 4, 2))
    with pytest.raises(ExportError, match=r"shape \(1, 4, 3, 2\), the Keras"):
        compare(reference, np.zeros((1, 4, 3, 2)))
    broken = reference.copy()
    broken[0, 0, 0] = np.nan
    with pytest.raises(ExportError, match="exported file returns 2 logits"):
        compare(reference, broken)
    with pytest.raises(ExportError, match="Keras model returns 2 logits"):
        compare(broken, reference)


def test_class_ids_are_compared_with_the_logits(rng):
    reference = rng.normal(size=(1, 6, 8, 3))
    mask = reference.argmax(-1).astype("uint8")
    mask[0, 0, 0] = (mask[0, 0, 0] + 1) % 3
    result = compare(reference, mask)
    assert result["mask_agreement"] == 47 / 48
    assert result["max_error"] is None
    assert result["mean_error"] is None
    assert result["logit_range"] == pytest.approx(np.ptp(reference))
    with pytest.raises(ExportError, match="class id 7, the Keras.*3 classes"):
        compare(reference, np.full_like(mask, 7))


def test_only_equal_logits_count_as_ties():
    reference = np.zeros((1, 1, 3, 2))
    reference[0, 0] = [[1.0, 1.0], [1.0, 0.5], [0.0, 1.0]]
    candidate = reference[..., ::-1] + [0.0, 1e-9]
    result = compare(reference, candidate)
    assert result["mask_agreement"] == 0.0
    assert result["ties"] == 1


def test_mean_iou_is_that_of_the_metrics(rng):
    reference, candidate = rng.normal(size=(2, 1, 6, 8, 5))
    mask = rng.integers(0, 4, (6, 8))
    comparison = Comparison(ignore_classes=(2, 255))
    comparison.add(reference, candidate, mask)
    result = comparison.result()
    for key, logits in (("miou_before", reference), ("miou_after", candidate)):
        prediction = logits[0].argmax(-1)
        matrix = confusion_matrix(mask, prediction, 5, (2, 255))
        expected = scores(matrix, ignored=(2, 255))["mean_iou"]
        assert result[key] == pytest.approx(expected)


def test_class_255_is_scored(rng):
    reference = rng.normal(size=(1, 2, 3, 300))
    reference[..., 255] = 9
    comparison = Comparison()
    comparison.add(reference, reference, np.full((2, 3), 255))
    assert comparison.result()["miou_before"] == 1.0


def test_masks_score_model_and_file(rng):
    reference = rng.normal(size=(1, 6, 8, 3))
    mask = reference[0].argmax(-1)
    mask[0, 0] = 255
    comparison = Comparison()
    comparison.add(reference, np.roll(reference, 1, axis=-1), mask)
    result = comparison.result()
    assert result["miou_before"] == 1.0
    assert result["miou_after"] == 0.0


def test_float_masks_are_class_ids_or_refused(rng):
    logits = rng.normal(size=(1, 3, 4, 2))
    comparison = Comparison()
    comparison.add(logits, logits, logits[0].argmax(-1).astype("float32"))
    assert comparison.result()["miou_before"] == 1.0
    with pytest.raises(ValueError, match="not whole numbers"):
        comparison.add(logits, logits, np.full((3, 4), 0.9))


def test_classes_that_the_mean_leaves_out_are_told(rng):
    logits = rng.normal(size=(1, 6, 8, 4)) - [0, 0, 99, 0]
    mask = logits[0].argmax(-1)
    comparison = Comparison((0, 255))
    assert comparison.notes() == ()
    comparison.add(logits, np.roll(logits, 1, axis=1), mask)
    (note,) = comparison.notes()
    assert note.startswith("The mean IoU is over 2 of 4 classes: the ids 0, 2 ")
    assert comparison.result()["miou_before"] == 1.0


def test_masks_with_unknown_ids():
    logits = np.zeros((1, 3, 4, 2))
    mask = np.array([[0, 1, 7, 255]] * 3)
    with pytest.raises(ValueError, match=r"below 2 or ignored.*\[7\]"):
        Comparison().add(logits, logits, mask)


@pytest.mark.parametrize("masks", [False, True])
def test_one_class_over_all_images_is_a_doubt(rng, caplog, masks):
    """A file that always returns it would agree as well."""
    comparison = Comparison()
    for _ in range(3):
        logits = rng.normal(size=(1, 6, 8, 5))
        logits[..., 3] = 9
        mask = np.full((6, 8), 3) if masks else None
        comparison.add(logits, np.full((1, 6, 8), 3), mask)
    (doubt, *_) = comparison.notes()
    assert "one class alone in all images of the proof, the id 3" in doubt
    assert doubt in caplog.text
    comparison.add(rng.normal(size=(1, 6, 8, 5)), np.full((1, 6, 8), 3))
    assert not any("one class alone" in note for note in comparison.notes())
