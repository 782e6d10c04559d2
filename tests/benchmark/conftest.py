"""Exported files that hold nothing, and a worker that runs none."""

import json
import sys

import pytest
from sidecars import described

# Speaks as kerasseg/benchmark/worker.py does. A target in int8 cannot be
# opened, one in float16 ends in its first turn, a wide one claims 20 ms a run.
WORKER = """
import json, sys
import numpy as np
task = json.loads(sys.stdin.readline())
images = np.load(task["images"])
kind = images.dtype.name
if kind == "int8":
    print(json.dumps({"error": "no such operator"}), flush=True)
    sys.exit()
print(json.dumps({
    "runtime": f"stand-in {task['threads']}", "cores": [0],
    "open_seconds": 0.5, "runtime_bytes": 1000000,
}), flush=True)
for line in sys.stdin:
    if kind == "float16":
        print("out of memory", file=sys.stderr, flush=True)
        sys.exit(7)
    seconds = [0.02 if images.shape[3] > 40 else 0.005] * json.loads(line)
    print(json.dumps(
        {"seconds": seconds, "peak_bytes": 3000000}
    ), flush=True)
"""


@pytest.fixture
def write(tmp_path):
    """Writes a file with its sidecar; returns its path."""

    def write(name, content=b"graph", **changes):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        beside = path.with_name(f"{path.name}.json")
        beside.write_text(json.dumps(described(content, **changes)))
        return path

    return write


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Replaces the script of the processes by one that claims times."""
    import kerasseg.benchmark  # noqa: F401

    script = tmp_path / "stand_in.py"
    script.write_text(WORKER)
    module = sys.modules["kerasseg.benchmark.measure"]
    monkeypatch.setattr(module, "WORKER", script)
    return script
