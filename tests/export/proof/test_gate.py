import pytest

from kerasseg.export import ExportError
from kerasseg.export import Gate
from kerasseg.export.proof.gate import check_equal


def measures(**changes):
    """The result of a comparison that passes, with changes."""
    passing = {
        "max_error": 1e-5,
        "logit_range": 10.0,
        "mask_agreement": 1.0,
        "ties": 0,
        "miou_before": None,
        "miou_after": None,
    }
    return {**passing, **changes}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"max_error": 1e-3},
        {"mask_agreement": 0.9999},
        {"mask_agreement": 0.99, "ties": 10},
        {"max_error": 0.0, "logit_range": 0.0},
        {"max_error": None},
    ],
)
def test_differences_that_nobody_sees(changes):
    assert "required" in check_equal(measures(**changes), pixels=1000)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_error": 2e-3}, "max logit error 0.002, at most 0.001"),
        ({"mask_agreement": 0.99}, "mask agreement 99.0000 %, at least 99.99"),
        ({"max_error": float("nan")}, "max logit error nan"),
        ({"max_error": None, "mask_agreement": 0.99}, "99.0000 %, at least"),
    ],
)
def test_differences_that_matter(changes, message):
    with pytest.raises(ExportError, match=message):
        check_equal(measures(**changes), pixels=1000)


def test_without_masks_the_agreement_decides():
    found = Gate().check(measures(mask_agreement=0.98), "int8")
    assert found == "mask agreement 98.00 %, at least 98.00 % required"
    with pytest.raises(ExportError, match=r"int8 file loses.*97.90 %.*--min"):
        Gate().check(measures(mask_agreement=0.979), "int8")
    assert Gate(mask_agreement=0.5).check(measures(mask_agreement=0.6), "int8")


def test_with_masks_the_score_decides():
    scored = {"miou_before": 0.62, "mask_agreement": 0.9}
    found = Gate().check(measures(**scored, miou_after=0.615), "float16")
    assert "62.00 % in Keras and 61.50 % in the file" in found
    lower = measures(**scored, miou_after=0.605)
    with pytest.raises(ExportError, match="at most 1.00 points allowed"):
        Gate().check(lower, "float16")
    assert Gate(miou_loss=0.02).check(lower, "float16")


def test_a_score_that_cannot_fall_does_not_decide():
    """Masks of other classes give a mean IoU of 0 to any file."""
    scored = {"miou_before": 0.005, "miou_after": 0.0}
    lower = measures(**scored, mask_agreement=0.94)
    with pytest.raises(ExportError, match=r"94.00 %.*of another model\. "):
        Gate().check(lower, "int8")
    assert Gate(miou_loss=1.0).check(lower, "int8")
    found = Gate().check(measures(**scored, mask_agreement=0.99), "int8")
    assert "since a mean IoU of 0.50 % in Keras shows no loss" in found


def test_a_score_that_is_no_number_does_not_pass():
    lost = measures(miou_before=0.6, miou_after=float("nan"))
    with pytest.raises(ExportError, match="nan % in the file"):
        Gate().check(lost, "int8")


@pytest.mark.parametrize("value", [1.5, -0.1, "all", None, float("nan")])
def test_limits_are_shares(value):
    with pytest.raises(ValueError, match="`miou_loss` must be a share"):
        Gate(miou_loss=value)
