"""How the scripts of this folder take times and print them.

Everything that is compared runs in one process and in turns, so that a busy
moment of the machine hits all alike; compare ratios, not milliseconds.
"""

import json
import os
import statistics
import sys
import time


def set_up(threads):
    """Chooses TensorFlow with this many threads; call before any import."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    tf.config.set_visible_devices([], "GPU")


def in_turns(subjects, rounds, repeats=1, pause=0.05):
    """Seconds per call of each subject, one figure a round.

    A turn is one call that is not timed, then `repeats` that are; the pause
    after it lets the threads of that runtime stop spinning.
    """
    seconds = {name: [] for name in subjects}
    for done in range(rounds):
        sys.stderr.write(f"\rround {done + 1} of {rounds} ")
        for name, run in subjects.items():
            run()
            start = time.perf_counter()
            for _ in range(repeats):
                run()
            seconds[name].append((time.perf_counter() - start) / repeats)
            time.sleep(pause)
    sys.stderr.write("\n")
    return seconds


def ratio(seconds, base):
    """Median over the rounds of one subject's time over another's."""
    return statistics.median(a / b for a, b in zip(seconds, base, strict=True))


def median_and_min(seconds):
    """Milliseconds as `median (min)`."""
    median = statistics.median(seconds)
    return f"{1000 * median:.1f} ({1000 * min(seconds):.1f})"


def print_table(header, rows):
    """Prints a Markdown table."""
    print("| " + " | ".join(header) + " |")
    print("| --- " + "| ---: " * (len(header) - 1) + "|")
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")


def machine():
    """The processor and how busy it is with other things."""
    from kerasseg.benchmark import machine

    return machine.describe()


def add_arguments(parser, rounds):
    """Adds the options that every script has."""
    parser.add_argument(
        "--rounds", type=int, default=rounds, help=f"default {rounds}"
    )
    parser.add_argument("--threads", type=int, default=2, help="default 2")
    parser.add_argument("--json", metavar="FILE", help="write the times too")


def write_json(path, before, args, **results):
    """Writes the times, the machine and the options, where asked for."""
    if path is None:
        return
    record = {"machine": before, "options": vars(args), **results}
    with open(path, "w") as file:
        json.dump(record, file, indent=1, default=str)
        file.write("\n")
