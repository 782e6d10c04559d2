import json

import pytest

from kerasseg import zoo

TRAINED = [name for name in zoo.names() if zoo.info(name).is_trained]


def cells(line):
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


def test_the_table_has_a_line_for_each_trained_entry_with_its_scores(run):
    result = run("list")
    assert result.code == 0
    header, _, *lines = result.out.splitlines()
    assert cells(header)[:4] == [
        "entry",
        "trainable parameters",
        "mean IoU %",
        "boundary F1 %",
    ]
    assert [line.split()[0] for line in lines] == TRAINED
    for line in lines:
        name, _, mean_iou, boundary_f1, *_ = cells(line)
        scores = zoo.info(name).scores
        assert float(mean_iou) == pytest.approx(
            100 * scores["mean_iou"], abs=0.0051
        )
        assert float(boundary_f1) == pytest.approx(
            100 * scores["boundary_f1"], abs=0.0051
        )


def test_the_table_has_the_terms_in_short(run):
    _, _, *lines = run("list").out.splitlines()
    terms = {line.split()[0]: cells(line)[-1] for line in lines}
    assert terms["lrr_4x"] == "CamVid: research only"
    assert terms["lrr_4x_nuclei"] == "BBBC038v1: CC0 1.0, public domain"


def test_architectures_without_weights_show_with_all(run):
    lines = run("list", "--all").out.splitlines()[2:]
    assert [line.split()[0] for line in lines] == zoo.names()
    untrained = [line for line in lines if "architecture only" in line]
    assert len(untrained) == len(zoo.names()) - len(TRAINED) > 0


def test_json(run):
    records = json.loads(run("list", "--json").out)
    assert [record["name"] for record in records] == TRAINED
    assert records[0]["num_classes"] == 11
    assert 0.5 < records[0]["mean_iou"] < 1
    assert 0.3 < records[0]["boundary_f1"] < 1
