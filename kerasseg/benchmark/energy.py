"""The energy counters of the processor, where Linux shows them."""

from pathlib import Path

POWERCAP = Path("/sys/class/powercap")


class EnergyCounters:
    """The counters of all processor packages (RAPL).

    They count the whole machine, not one process.

    Args:
        root: Folder of the power capping framework. Defaults to
            `/sys/class/powercap`.
    """

    def __init__(self, root=POWERCAP):
        self._zones = []
        self.reason = None
        try:
            self._zones = [
                (zone / "energy_uj", _number(zone / "max_energy_range_uj"))
                for zone in sorted(Path(root).glob("intel-rapl:*"))
                if (zone / "name").read_text().startswith("package")
            ]
            self.read()
        except PermissionError:
            self._zones = []
            self.reason = f"{root} may be read by root alone"
        except (OSError, ValueError) as error:
            self._zones = []
            self.reason = f"{root} cannot be read ({error})"
        if not self._zones and self.reason is None:
            self.reason = f"this machine has no RAPL counters in {root}"

    @property
    def available(self) -> bool:
        """Whether the counters can be read."""
        return self.reason is None

    def read(self) -> list[int]:
        """Reads the counters.

        Returns:
            Microjoules of each package since some moment.
        """
        return [_number(file) for file, _ in self._zones]

    def joules(self, before, after) -> float:
        """Adds up what was used between two readings.

        Args:
            before: The first reading.
            after: The second reading; a counter may have begun anew once.

        Returns:
            Joules of all packages.
        """
        used = 0
        for (_, top), first, last in zip(
            self._zones, before, after, strict=True
        ):
            used += last - first + (top if last < first else 0)
        return used / 1e6


def _number(file):
    return int(file.read_text())
