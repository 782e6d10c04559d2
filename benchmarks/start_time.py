"""What kerasseg adds to the start of a program.

    python benchmarks/start_time.py

Each program runs several times, in turns, each time in a new process; the
table shows the fastest run. Goals: `import kerasseg` adds under 50 ms to
`import keras`, and `kerasseg --help` takes under 500 ms.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

IMPORT = (
    "import time; import keras; start = time.perf_counter(); "
    "import kerasseg; print(time.perf_counter() - start)"
)
# As the console script does.
COMMAND = "import sys; from kerasseg_command import main; sys.exit(main())"
HELP = [sys.executable, "-c", COMMAND, "--help"]


def seconds_added():
    """Seconds of `import kerasseg` in a process that has imported keras."""
    command = [sys.executable, "-c", IMPORT]
    result = subprocess.run(
        command, capture_output=True, text=True, check=True
    )
    return float(result.stdout)


def seconds_of(command):
    """Wall-clock seconds of a command."""
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--json", metavar="FILE", help="write the times too")
    args = parser.parse_args()
    runs = args.runs
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

    rows = {"import kerasseg, after keras": [], "kerasseg --help": []}
    for _ in range(runs):
        rows["import kerasseg, after keras"].append(seconds_added())
        rows["kerasseg --help"].append(seconds_of(HELP))

    print(f"| | ms, fastest of {runs} | goal, ms |")
    print("| --- | --- | --- |")
    for (name, seconds), goal in zip(rows.items(), (50, 500), strict=True):
        print(f"| {name} | {1000 * min(seconds):.0f} | {goal} |")
    if args.json:
        Path(args.json).write_text(json.dumps({"seconds": rows}, indent=1))


if __name__ == "__main__":
    main()
