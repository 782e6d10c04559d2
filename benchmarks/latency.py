"""Time of one image through the exported models, over the backbone alone.

    python benchmarks/latency.py --peers build/peers-onnx

352 x 480, batch 1, float32, 11 classes, two threads, in ONNX Runtime and in
LiteRT. The files are written by `kerasseg.export`, so each is verified first;
`--files DIR` keeps them for the next call, as long as no model has changed.
`--peers` adds the ONNX files of a folder, see benchmarks/peers/README.md.
Times are medians over the rounds (and the fastest); ratios are medians of the
ratio within a round. Goals in ONNX Runtime: lrr_4x at most 3.0, better 2.0;
lrr_8x at most 2.0.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

import timing

BASE = "MobileNetV2 to P5"
SUBJECTS = {
    BASE: None,
    "lrr_32x": {"level": "32x"},
    "lrr_16x": {"level": "16x"},
    "lrr_8x": {"level": "8x"},
    "lrr_4x": {"level": "4x"},
    "lrr_4x, no mask": {"level": "4x", "mask": False},
}
RUNTIMES = {"onnx": "ONNX Runtime", "litert": "LiteRT"}


def exported(name, arguments, folder, runtimes):
    """Paths of the model in each format, written unless they are there."""
    import subjects

    from kerasseg import export

    stem = name.lower().replace(",", "").replace(" ", "_")
    writers = {
        "onnx": (folder / f"{stem}.onnx", export.to_onnx),
        "litert": (folder / f"{stem}.tflite", export.to_litert),
    }
    writers = {key: writers[key] for key in runtimes}
    model = None
    for path, write in writers.values():
        if path.exists():
            continue
        if model is None:
            model = (
                subjects.backbone_alone()
                if arguments is None
                else subjects.lrr(**arguments)
            )
        write(model, path, image_shape=subjects.IMAGE_SHAPE)
    return {key: path for key, (path, _) in writers.items()}


def open_all(args, folder):
    """Functions to time, by runtime and name."""
    import runners

    openers = {"onnx": runners.onnx_runner, "litert": runners.litert_runner}
    found = {}
    for name, arguments in SUBJECTS.items():
        paths = exported(name, arguments, folder, args.runtimes)
        for runtime, path in paths.items():
            found[runtime, name] = openers[runtime](path, args.threads)
    if args.peers and "onnx" in args.runtimes:
        for path in sorted(args.peers.glob("*.onnx")):
            found["onnx", path.stem] = runners.onnx_runner(path, args.threads)
    return found


def print_times(seconds, runtimes):
    """The table: a row a model, two columns a runtime."""
    header = ["352 x 480, ms: median (min)"]
    for runtime in runtimes:
        header += [RUNTIMES[runtime], "ratio"]
    names = dict.fromkeys(name for _, name in seconds)
    rows = []
    for name in names:
        row = [name]
        for runtime in runtimes:
            taken = seconds.get((runtime, name))
            if taken is None:
                row += ["", ""]
                continue
            over = timing.ratio(taken, seconds[runtime, BASE])
            row += [timing.median_and_min(taken), f"{over:.2f}"]
        rows.append(row)
    timing.print_table(header, rows)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--peers", type=Path, metavar="DIR")
    parser.add_argument("--files", type=Path, metavar="DIR")
    parser.add_argument(
        "--runtimes", nargs="+", choices=RUNTIMES, default=list(RUNTIMES)
    )
    timing.add_arguments(parser, rounds=30)
    args = parser.parse_args()
    timing.set_up(args.threads)

    with tempfile.TemporaryDirectory() as scratch:
        folder = args.files or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        found = open_all(args, folder)
        before = timing.machine()
        seconds = timing.in_turns(found, args.rounds)
    print_times(seconds, args.runtimes)
    results = [
        {
            "runtime": runtime,
            "model": name,
            "median_ms": 1000 * statistics.median(taken),
            "min_ms": 1000 * min(taken),
            "ratio": timing.ratio(taken, seconds[runtime, BASE]),
            "seconds": taken,
        }
        for (runtime, name), taken in seconds.items()
    ]
    timing.write_json(args.json, before, args, results=results)


if __name__ == "__main__":
    main()
