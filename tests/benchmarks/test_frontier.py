import json

import pytest
from PIL import Image
from source import ROOT


@pytest.fixture
def frontier(script):
    return script("frontier")


def result(name, ratio):
    return {
        "name": name,
        "path": "somewhere/x.onnx",
        "ratio": ratio,
        "median_ms": 10 * ratio,
        "seconds": [[0.01 * ratio]],
    }


@pytest.fixture
def record(frontier):
    ratios = {
        "MobileNetV2 to P5": 1.0,
        "lrr_4x": 2.25,
        "SMP Unet": 5.0,
        "gdn": 1.1,
    }
    return frontier.reduced(
        {
            "machine": {"processor": "a processor", "cores": 2},
            "baseline": "MobileNetV2 to P5",
            "notes": [],
            "results": [result(*item) for item in ratios.items()],
        }
    )


def test_the_record_holds_times_alone(record):
    assert record["models"]["SMP Unet"] == {"ratio": 5.0, "median_ms": 50.0}
    assert "somewhere" not in json.dumps(record)


def test_rows_have_the_packaged_scores_the_fastest_first(frontier, record):
    text = frontier.section(record)
    rows = [line for line in text.splitlines() if line.startswith("| ")][2:]
    metrics = (ROOT / "zoo/lrr_4x/metrics.json").read_text(encoding="utf-8")
    scores = json.loads(metrics)
    assert [row.split(" | ")[0] for row in rows] == [
        "| `gdn`",
        "| `lrr_4x`",
        "| SMP Unet",
    ]
    shown = [f"{100 * scores[name]:.1f}" for name in frontier.SCORES]
    assert f"| {' | '.join(shown)} | 2.25 | 22.5 |" in rows[1]
    assert "| - | - | 5.00 | 50.0 |" in rows[2]
    assert "a processor, 2 cores" in text


def test_the_plot_is_drawn(frontier, record, tmp_path):
    frontier.plot(record, tmp_path / "plot.png")
    with Image.open(tmp_path / "plot.png") as image:
        assert image.size == (1080, 1080)
