"""Files in processes of their own, which take turns."""

import contextlib
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from kerasseg.benchmark import worker
from kerasseg.benchmark.energy import EnergyCounters
from kerasseg.benchmark.targets import Target
from kerasseg.benchmark.timing import Timing
from kerasseg.export.runtime import available_threads
from kerasseg.formats import FORMATS
from kerasseg.formats import RUNTIMES

WORKER = Path(worker.__file__)
_logger = logging.getLogger("kerasseg.benchmark")


def measure(
    targets,
    *,
    threads=None,
    rounds=10,
    runs=5,
    warm_up=3,
    pause=0.05,
    progress=None,
) -> list[Timing]:
    """Times exported files in turns, each in a process of its own.

    All files are opened first; then each round gives every file a turn of
    one run that is not timed and `runs` that are, so that a busy moment of
    the machine hits all alike. A time goes from the input array to the
    output array. A file that cannot be run does not stop the others.

    Args:
        targets: Sequence of `Target`, with different names.
        threads: Threads of each runtime, and cores that its process is kept
            on. Defaults to all that this process may use.
        rounds: Number of rounds. Defaults to `10`.
        runs: Number of timed runs of a turn. Defaults to `5`.
        warm_up: Number of runs of each file before the first round. Defaults
            to `3`.
        pause: Seconds after each turn, in which the threads of a runtime
            come to rest. Defaults to `0.05`.
        progress: Function that is called with the number of rounds done.
            Defaults to none.

    Returns:
        List of `Timing`, one for each target.

    Raises:
        ValueError: If an argument cannot be honored.
    """
    targets = list(targets)
    threads = available_threads() if threads is None else threads
    _check(targets, threads, rounds, runs, warm_up)
    counters = EnergyCounters()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        workers = []
        for number, target in enumerate(targets):
            started = _Worker(target, folder / str(number), threads)
            workers.append(stack.enter_context(started))
            started.open(warm_up)
        for done in range(rounds):
            for one in workers:
                one.take_turn(runs, counters)
                time.sleep(pause)
            if progress is not None:
                progress(done + 1)
        return [one.timing() for one in workers]


class _Worker:
    """The process of one file."""

    def __init__(self, target: Target, folder, threads):
        self._target = target
        self._task = {
            "path": str(Path(target.path).absolute()),
            "opener": target.runtime or target.format,
            "runtime": _runtime(target),
            "threads": threads,
            "images": str(folder / "images.npy"),
        }
        self._folder = folder
        self._facts = {}
        self._rounds = []
        self._joules = []
        self._error = None

    def __enter__(self):
        target = self._target
        self._folder.mkdir()
        np.save(self._task["images"], self._target.inputs())
        threads = str(self._task["threads"])
        with (self._folder / "stderr").open("w") as noise:
            self._process = subprocess.Popen(
                # -P: neighbors of the script are no modules to import.
                [sys.executable, "-P", str(WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=noise,
                text=True,
                env={
                    **os.environ,
                    "TF_CPP_MIN_LOG_LEVEL": "3",
                    **({} if target.runtime else {"CUDA_VISIBLE_DEVICES": ""}),
                    "OMP_NUM_THREADS": threads,
                },
            )
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            self._process.kill()
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def open(self, warm_up):
        self._facts = self._ask(self._task) or {}
        if warm_up:
            self._ask(warm_up - 1)

    def take_turn(self, runs, counters):
        before = counters.read()
        answer = self._ask(runs)
        if answer is None:
            return
        self._rounds.append(tuple(answer["seconds"]))
        self._facts["peak_bytes"] = answer["peak_bytes"]
        if counters.available:
            used = counters.joules(before, counters.read())
            self._joules.append(used / (runs + 1))

    def timing(self):
        if self._error is not None:
            self._rounds, self._facts = [], {}
        facts = dict(self._facts)
        if facts.get("cores") is not None:
            facts["cores"] = tuple(facts["cores"])
        joules = None
        if self._joules and self._error is None:
            joules = float(np.median(self._joules))
        return Timing(
            target=self._target,
            bytes=self._target.bytes,
            rounds=tuple(self._rounds),
            joules=joules,
            error=self._error,
            **facts,
        )

    def _ask(self, question):
        """The answer of the process, or `None` once it has failed."""
        if self._error is not None:
            return None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        answer = json.loads(line) if line else {"error": self._last_words()}
        self._error = answer.get("error")
        if self._error is not None:
            _logger.debug("%s: %s", self._target.name, self._error)
            return None
        return answer

    def _last_words(self):
        code = self._process.wait()
        text = (self._folder / "stderr").read_text(errors="replace").strip()
        last = f": {text.splitlines()[-1]}" if text else ""
        return f"the process ended with code {code}{last}"


def _runtime(target):
    """What the worker, which imports no kerasseg, must know of a runtime."""
    if target.runtime:
        facts = RUNTIMES[target.runtime]
        module, package = facts.module, facts.package
    else:
        facts = FORMATS[target.format]
        module, package = facts.runtime
    return {"module": module, "package": package, "extra": facts.extra}


def _check(targets, threads, rounds, runs, warm_up):
    names = [target.name for target in targets]
    if not targets or len(set(names)) < len(names):
        raise ValueError(
            f"`targets` must hold at least one target, under different names. "
            f"Received: targets named {names}"
        )
    if not 1 <= threads <= available_threads():
        raise ValueError(
            f"`threads` must be 1 to {available_threads()}, the cores that "
            f"this process may use. Received: threads={threads}"
        )
    settings = {
        "rounds": (rounds, 1),
        "runs": (runs, 1),
        "warm_up": (warm_up, 0),
    }
    for name, (value, least) in settings.items():
        if value < least:
            raise ValueError(
                f"`{name}` must be at least {least}. Received: {name}={value}"
            )
