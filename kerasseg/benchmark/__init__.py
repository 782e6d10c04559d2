"""Time, memory and energy of exported files, each in its own runtime."""

from kerasseg.benchmark.measure import measure
from kerasseg.benchmark.report import Report
from kerasseg.benchmark.targets import Target
from kerasseg.benchmark.targets import exported_files
from kerasseg.benchmark.targets import targets_of
from kerasseg.benchmark.timing import Timing

__all__ = [
    "Report",
    "Target",
    "Timing",
    "exported_files",
    "measure",
    "targets_of",
]
