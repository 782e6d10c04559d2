"""A measurement of several files, as a table, as JSON and as a plot."""

import dataclasses

from kerasseg.arguments import check_choice
from kerasseg.benchmark.energy import EnergyCounters
from kerasseg.benchmark.timing import Timing
from kerasseg.figures import check_drawing
from kerasseg.figures import new_figure
from kerasseg.figures import save_figure
from kerasseg.files import atomic_json


@dataclasses.dataclass(frozen=True)
class Report:
    """What `measure` found, with ratios to one of the files.

    Args:
        timings: The list that `measure` returned.
        machine: Dictionary that describes the machine, written as it is.
        baseline: Name of the target that the ratios are to. Defaults to the
            first.

    Raises:
        ValueError: If there is no timing, or no target of that name.
    """

    timings: tuple[Timing, ...]
    machine: dict
    baseline: str | None = None

    def __post_init__(self):
        object.__setattr__(self, "timings", tuple(self.timings))
        names = [timing.target.name for timing in self.timings]
        if not names:
            raise ValueError(
                "`timings` must hold at least one. Received: timings=()"
            )
        if self.baseline is None:
            object.__setattr__(self, "baseline", names[0])
        check_choice("baseline", self.baseline, names)

    @property
    def base(self) -> Timing:
        """The `Timing` that the ratios are to."""
        return next(
            timing
            for timing in self.timings
            if timing.target.name == self.baseline
        )

    @property
    def failures(self) -> list[tuple[str, str]]:
        """Name and reason of each file that could not be run."""
        return [
            (timing.target.name, timing.error)
            for timing in self.timings
            if timing.error is not None
        ]

    def table(self) -> tuple[list[str], list[list]]:
        """Lists the figures for a reader.

        Returns:
            The header, and a row for each file that ran. Energy is a column
            where it was measured.
        """
        ran = [timing for timing in self.timings if timing.rounds]
        energy = any(timing.joules is not None for timing in ran)
        header = [
            "file",
            "runtime",
            "precision",
            "median ms",
            "p95 ms",
            "images/s",
            "ratio",
            "peak MB",
            "of it runtime",
            "file MB",
            *(["J/image"] if energy else []),
        ]
        rows = [
            [
                timing.target.name,
                timing.runtime,
                timing.target.precision,
                _number(timing.median_ms, 1),
                _number(timing.p95_ms, 1),
                _number(timing.images_per_second, 1),
                _number(timing.ratio(self.base), 2),
                _megabytes(timing.peak_bytes),
                _megabytes(timing.runtime_bytes),
                _number(timing.bytes / 1e6, 2),
                *([_number(timing.joules, 3)] if energy else []),
            ]
            for timing in ran
        ]
        return header, rows

    def notes(self) -> list[str]:
        """Says under what conditions the figures were taken.

        Returns:
            List of sentences.
        """
        ran = [timing for timing in self.timings if timing.rounds]
        if not ran:
            return []
        first = ran[0]
        kept = "threads could not be pinned on this system"
        if first.cores is not None:
            kept = f"kept on cores {', '.join(map(str, first.cores))}"
        energy = "of all processor packages, whoever used them"
        if first.joules is None:
            energy = f"not measured: {EnergyCounters().reason}"
        return [
            f"{len(first.rounds)} rounds of {len(first.rounds[0])} runs in "
            f"turns, one process a file, {kept}; ratio to {self.baseline}, "
            f"the median over the rounds.",
            "Peak memory is that of the whole process; the runtime and Python "
            "held their part before the file was opened.",
            f"Energy: {energy}.",
        ]

    def to_json(self) -> dict:
        """Lists all figures, with the seconds of each run.

        Returns:
            A dictionary that `json.dumps` accepts.
        """
        return {
            "machine": dict(self.machine),
            "baseline": self.baseline,
            "notes": self.notes(),
            "results": [timing.to_json(self.base) for timing in self.timings],
        }

    def save(self, path) -> None:
        """Writes the figures as JSON, whole or not at all.

        Args:
            path: Path of the JSON file.
        """
        atomic_json(path, self.to_json())

    def plot(self, path) -> None:
        """Draws the median and the 95th percentile of each file as bars.

        Args:
            path: PNG file to write.

        Raises:
            ImportError: If matplotlib is not installed.
            ValueError: If no file could be run.
        """
        check_drawing()
        ran = [timing for timing in self.timings if timing.rounds]
        if not ran:
            raise ValueError(
                "`timings` must hold a file that ran. Received: none that did"
            )
        figure = new_figure((8, 1.2 + 0.4 * len(ran)))
        axes = figure.subplots()
        places = range(len(ran))
        medians = [timing.median_ms for timing in ran]
        tails = [timing.p95_ms for timing in ran]
        axes.barh(places, medians, label="median")
        beyond = [
            [0.0] * len(ran),
            [tail - mid for tail, mid in zip(tails, medians, strict=True)],
        ]
        axes.errorbar(
            *(medians, places),
            xerr=beyond,
            fmt="none",
            ecolor="black",
            capsize=4,
            label="95 % stay below",
        )
        for place, timing in zip(places, ran, strict=True):
            ratio = _number(timing.ratio(self.base), 2) or "-"
            text = f"  {timing.median_ms:.1f} ms, ratio {ratio}"
            axes.text(timing.p95_ms, place, text, va="center")
        axes.set_yticks(places, [t.target.name for t in ran])
        axes.invert_yaxis()
        axes.set_xlim(0, 1.4 * max(tails))
        processor = self.machine.get("processor", "")
        axes.set(xlabel=f"milliseconds an image; {processor}")
        figure.legend(loc="outside upper right", ncols=2)
        save_figure(figure, path)


def _number(value, digits):
    return None if value is None else f"{value:.{digits}f}"


def _megabytes(count):
    return None if count is None else f"{count / 1e6:.0f}"
