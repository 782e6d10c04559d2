from pathlib import Path

import pytest

from kerasseg.benchmark.energy import EnergyCounters


@pytest.fixture
def powercap(tmp_path):
    """Two packages with a part each, which is counted in the whole."""
    for zone, name, energy in (
        ("intel-rapl:0", "package-0", 900),
        ("intel-rapl:0:0", "core", 800),
        ("intel-rapl:1", "package-1", 100),
        ("intel-rapl:2", "psys", 5000),
    ):
        folder = tmp_path / zone
        folder.mkdir()
        (folder / "name").write_text(f"{name}\n")
        (folder / "energy_uj").write_text(f"{energy}\n")
        (folder / "max_energy_range_uj").write_text("1000\n")
    return tmp_path


def test_packages_are_added_and_counters_begin_anew(powercap):
    counters = EnergyCounters(powercap)
    assert counters.available
    before = counters.read()
    assert before == [900, 100]
    (powercap / "intel-rapl:0" / "energy_uj").write_text("50\n")
    (powercap / "intel-rapl:1" / "energy_uj").write_text("400\n")
    joules = counters.joules(before, counters.read())
    assert joules == pytest.approx(450e-6)


def test_a_machine_without_counters_says_so(tmp_path):
    counters = EnergyCounters(tmp_path)
    assert not counters.available
    assert "no RAPL counters" in counters.reason
    assert counters.read() == []


def test_counters_that_may_not_be_read(powercap, monkeypatch):
    read_text = Path.read_text

    def refuse(path):
        if path.name == "energy_uj":
            raise PermissionError("not you")
        return read_text(path)

    # Not `chmod`, which root is above.
    monkeypatch.setattr(Path, "read_text", refuse)
    counters = EnergyCounters(powercap)
    assert "root alone" in counters.reason
    assert counters.read() == []


def test_counters_that_hold_no_number(powercap):
    (powercap / "intel-rapl:1" / "energy_uj").write_text("none")
    counters = EnergyCounters(powercap)
    assert "cannot be read" in counters.reason
    assert counters.read() == []
