"""What was measured of one file."""

import dataclasses
import json
import statistics

import numpy as np

from kerasseg.benchmark.targets import Target


@dataclasses.dataclass(frozen=True)
class Timing:
    """Time and memory of one file in its runtime, and energy where known.

    Args:
        target: The `Target`.
        bytes: Size of the file.
        rounds: Seconds of each run, a tuple for each round. Empty where the
            file could not be run.
        runtime: Name and version of the runtime. Defaults to `""`.
        cores: The cores that the process was kept on, or `None` where the
            system cannot. Defaults to `None`.
        open_seconds: Time to open the file, or `None`. Defaults to `None`.
        runtime_bytes: Resident memory of the process before it opened the
            file: Python and the runtime. Defaults to `None`.
        peak_bytes: Largest resident memory of the process. Defaults to
            `None`.
        joules: Energy of the processor for one image, or `None` where the
            machine does not tell. Defaults to `None`.
        error: Why the file could not be run, or `None`. Defaults to `None`.
    """

    target: Target
    bytes: int
    rounds: tuple[tuple[float, ...], ...]
    runtime: str = ""
    cores: tuple[int, ...] | None = None
    open_seconds: float | None = None
    runtime_bytes: int | None = None
    peak_bytes: int | None = None
    joules: float | None = None
    error: str | None = None

    @property
    def seconds(self) -> list[float]:
        """Seconds of all runs."""
        return [taken for runs in self.rounds for taken in runs]

    @property
    def median_ms(self) -> float | None:
        """Median milliseconds of one image."""
        if not self.rounds:
            return None
        return 1e3 * statistics.median(self.seconds)

    @property
    def p95_ms(self) -> float | None:
        """Milliseconds that 95 % of the images stay below."""
        if not self.rounds:
            return None
        return 1e3 * float(np.percentile(self.seconds, 95))

    @property
    def images_per_second(self) -> float | None:
        """Images per second of the time that all runs took."""
        if not self.rounds:
            return None
        return len(self.seconds) / sum(self.seconds)

    def ratio(self, base: "Timing") -> float | None:
        """Compares with another file of the same measurement.

        Args:
            base: The other file's `Timing`.

        Returns:
            Median over the rounds of this file's time over the other's, or
            `None` where one of them could not be run.
        """
        if not (self.rounds and base.rounds):
            return None
        return statistics.median(
            statistics.median(own) / statistics.median(other)
            for own, other in zip(self.rounds, base.rounds, strict=True)
        )

    def to_json(self, base: "Timing | None" = None) -> dict:
        """Lists the figures.

        Args:
            base: `Timing` to give the ratio to, or `None`. Defaults to
                `None`.

        Returns:
            A dictionary that `json.dumps` accepts.
        """
        fields = dataclasses.asdict(self)
        target, rounds = fields.pop("target"), fields.pop("rounds")
        figures = {
            **target,
            **fields,
            "median_ms": self.median_ms,
            "p95_ms": self.p95_ms,
            "images_per_second": self.images_per_second,
            "ratio": None if base is None else self.ratio(base),
            "seconds": rounds,
        }
        return json.loads(json.dumps(figures))
