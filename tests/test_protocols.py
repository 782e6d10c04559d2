import pytest

from kerasseg import zoo
from kerasseg.data import SOURCES
from kerasseg.protocols import PROTOCOLS

SCORES = {
    "pixel_accuracy",
    "mean_accuracy",
    "mean_iou",
    "frequency_weighted_iou",
    "final_score",
}


@pytest.mark.parametrize("name", PROTOCOLS)
def test_rows_are_percentages_with_a_source(name):
    protocol = PROTOCOLS[name]
    assert protocol.name == name
    assert protocol.data in SOURCES
    assert protocol.rows
    for row in protocol.rows:
        assert set(row.scores) <= SCORES
        assert "mean_iou" in row.scores
        # Percent, and not shares.
        assert all(20 < value < 100 for value in row.scores.values())
        assert "https://" in row.source


def test_final_scores_are_means_of_their_two():
    rows = [r for p in PROTOCOLS.values() if p.final_score for r in p.rows]
    assert len(rows) == 9
    for row in rows:
        mean = (row.scores["mean_iou"] + row.scores["pixel_accuracy"]) / 2
        assert row.scores["final_score"] == pytest.approx(mean, abs=0.011)


def test_entries_of_the_papers_have_a_protocol():
    data = {protocol.data for protocol in PROTOCOLS.values()}
    for name in ("fcn_8s_vgg16", "lrr_4x", "gdn_vgg16"):
        assert zoo.info(name).dataset in data
