"""What prediction in tiles takes, by the benchmark in its own process."""

import re
import subprocess
import sys

import pytest
from source import ROOT

pytest.importorskip("rasterio")


def measure(*argv):
    """The peak of the memory above the model, in MiB, and what is printed."""
    command = [sys.executable, str(ROOT / "benchmarks/tiles.py"), "thin", *argv]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    (peak,) = re.findall(
        r"^peak above the model: (\d+) MiB$", result.stdout, re.M
    )
    return int(peak), result.stdout


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_does_not_grow_with_the_height():
    peaks = []
    for height in (700, 2800):
        argv = ("--size", f"{height}x900", "--tile", "256x256")
        peak, text = measure(*argv, "--whole", "256x256")
        assert re.search(r"^tiles: [\d.]+ us a pixel", text, re.M)
        assert re.search(r"^rate of tiles: [\d.]+ of the whole", text, re.M)
        peaks.append(peak)
    # The larger image and its mask alone are 11 MiB.
    assert peaks[1] < peaks[0] + 10


@pytest.mark.nightly
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_20000_by_20000_pixels_fit_into_2_gibibytes():
    peak, _ = measure("--size", "20000x20000", "--whole", "0x0")
    assert peak < 2048
