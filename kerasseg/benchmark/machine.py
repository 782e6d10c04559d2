"""The machine that times are taken on."""

import os
import platform
from pathlib import Path


def describe() -> dict:
    """Names the processor and says how busy it is with other things.

    Returns:
        Dictionary with `processor`, `cores`, and `load_at_start`, the mean
        number of running processes in the last minute (`None` where the
        system does not tell).
    """
    model = platform.processor() or platform.machine()
    listed = Path("/proc/cpuinfo")
    if listed.exists():
        lines = listed.read_text(errors="replace").splitlines()
        names = [line for line in lines if line.startswith("model name")]
        model = names[0].split(":", 1)[1].strip() if names else model
    load = round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "load_at_start": load,
    }
