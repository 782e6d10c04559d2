import json

import pytest
from PIL import Image

from kerasseg.benchmark import Report
from kerasseg.benchmark import Target
from kerasseg.benchmark import Timing

MACHINE = {"processor": "abacus", "cores": 2, "load_at_start": 0.0}


def timing(name, rounds, **facts):
    target = Target(name, f"{name}.onnx", "onnx", (1, 34, 47, 3))
    return Timing(target, bytes=2_500_000, rounds=rounds, **facts)


@pytest.fixture
def report():
    facts = {"runtime": "sleep 1", "cores": (0, 1), "peak_bytes": 30_000_000}
    return Report(
        [
            timing("one", ((0.010, 0.012), (0.020, 0.020)), **facts),
            timing("two", ((0.020, 0.024), (0.030, 0.030)), **facts),
            timing("broken", (), error="no such operator"),
        ],
        MACHINE,
    )


def test_ratios_are_those_within_a_round(report):
    one, two, broken = report.timings
    assert two.ratio(one) == pytest.approx((2 + 1.5) / 2)
    assert one.ratio(one) == 1
    assert one.ratio(broken) is None


def test_the_table_has_those_that_ran(report):
    header, rows = report.table()
    assert [row[0] for row in rows] == ["one", "two"]
    row = dict(zip(header, rows[1], strict=True))
    assert row["median ms"] == "27.0"
    assert row["ratio"] == "1.75"
    assert row["peak MB"] == "30"
    assert row["of it runtime"] is None
    assert row["file MB"] == "2.50"
    assert "J/image" not in header
    assert report.failures == [("broken", "no such operator")]


def test_energy_is_a_column_where_it_was_measured():
    report = Report([timing("one", ((0.1,),), joules=1.5)], MACHINE)
    header, rows = report.table()
    assert (header[-1], rows[0][-1]) == ("J/image", "1.500")
    assert "whoever used them" in report.notes()[-1]


def test_the_conditions_are_reported(report):
    text = " ".join(report.notes())
    assert "2 rounds of 2 runs in turns" in text
    assert "kept on cores 0, 1; ratio to one" in text
    assert "Energy: not measured: " in text
    assert Report([timing("x", (), error="e")], MACHINE).notes() == []


def test_the_baseline_is_a_choice(report):
    other = Report(report.timings, MACHINE, "two")
    assert other.base.target.name == "two"
    with pytest.raises(ValueError, match="must be one of one, two, broken"):
        Report(report.timings, MACHINE, "three")


def test_json_has_every_run(report, tmp_path):
    report.save(tmp_path / "times.json")
    content = json.loads((tmp_path / "times.json").read_text())
    assert content["machine"] == MACHINE
    assert content["baseline"] == "one"
    one, two, broken = content["results"]
    assert two["seconds"] == [[0.020, 0.024], [0.030, 0.030]]
    assert two["ratio"] == pytest.approx(1.75)
    assert two["input_shape"] == [1, 34, 47, 3]
    assert (broken["error"], broken["median_ms"]) == ("no such operator", None)


def test_the_plot_is_an_image(report, tmp_path):
    report.plot(tmp_path / "times.png")
    with Image.open(tmp_path / "times.png") as image:
        assert min(image.size) > 150
    assert [path.name for path in tmp_path.iterdir()] == ["times.png"]


def test_no_timings_are_refused():
    with pytest.raises(ValueError, match="`timings` must hold at least one"):
        Report([], MACHINE)


def test_nothing_to_plot_is_an_error(tmp_path):
    report = Report([timing("x", (), error="e")], MACHINE)
    with pytest.raises(ValueError, match="must hold a file that ran"):
        report.plot(tmp_path / "times.png")
