"""The page on many devices says what the formula gives."""

import json

import pytest
from source import ROOT


@pytest.fixture
def scaling(script):
    return script("scaling")


def test_the_page_is_that_of_the_times(scaling):
    record = json.loads((ROOT / "docs/scaling.json").read_text())
    assert (ROOT / "docs/scaling.md").read_text() == scaling.page(record)


def test_a_ring_of_two_sends_all_once(scaling):
    assert scaling.ring_seconds(1, 1e9, 1e9, 1.0) == 0
    assert scaling.ring_seconds(2, 1e9, 1e9, 0.0) == pytest.approx(1.0)
    assert scaling.ring_seconds(4, 1e9, 1e9, 0.0) == pytest.approx(1.5)
    assert scaling.ring_seconds(4, 1e9, 1e9, 0.25) == pytest.approx(3.0)


def test_more_devices_gain_more_and_waste_more(scaling):
    shares = [
        scaling.efficiency(0.2, devices, 11e6, 0.125e9, 50e-6)
        for devices in scaling.DEVICES
    ]
    assert shares[0] == 1
    assert shares == sorted(shares, reverse=True)
    gains = [
        n * share for n, share in zip(scaling.DEVICES, shares, strict=True)
    ]
    assert gains == sorted(gains)
