"""Scores are called as the field calls them."""

import pytest

from kerasseg.score_titles import score_title

pytestmark = pytest.mark.one_backend


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("mean_iou", "mean IoU"),
        ("boundary_f1", "boundary F1"),
        ("pixel_accuracy", "pixel accuracy"),
        ("frequency_weighted_iou", "frequency-weighted IoU"),
    ],
)
def test_titles(name, title):
    assert score_title(name) == title
