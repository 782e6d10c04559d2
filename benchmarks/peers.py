"""The same images through this project's models and those of its peers.

    python benchmarks/peers.py --peers build/peers-onnx

352 x 480, batch 1, float32, 11 classes, in ONNX Runtime: the trained entries
of the zoo, the backbone alone, and the ONNX files of a folder, which
benchmarks/peers/README.md says how to make. Every file has a process of its
own and they take turns (`kerasseg.benchmark`); the images are the same, in the
layout that each file takes. Compare the ratios to the backbone.
"""

import argparse
import tempfile
from pathlib import Path

import timing

BASE = "MobileNetV2 to P5"
SIZE = (352, 480)
NUMBERS = {"tensor(float)": "float32", "tensor(float16)": "float16"}
COLUMNS = (
    "median ms",
    "p95 ms",
    "images/s",
    "ratio",
    "peak MB",
    "file MB",
)


def exported(name, build, folder, size):
    """The ONNX file of a model, written unless it is there."""
    from kerasseg import export

    stem = name.lower().replace(" ", "_")
    path = folder / f"{stem}_{size[0]}x{size[1]}.onnx"
    if not path.exists():
        export.to_onnx(build(), path, image_shape=size)
    return path


def own_targets(entries, folder, size):
    """The backbone alone, and trained entries of the zoo."""
    import subjects

    from kerasseg import benchmark
    from kerasseg import zoo

    builders = {BASE: subjects.backbone_alone}
    for name in entries:
        builders[name] = lambda name=name: zoo.load(name)
    return [
        benchmark.Target.from_file(exported(name, build, folder, size), name)
        for name, build in builders.items()
    ]


def peer_target(path):
    """An ONNX file without a sidecar, which says itself what it takes."""
    import onnxruntime

    from kerasseg import benchmark

    (entry,) = onnxruntime.InferenceSession(
        str(path), providers=["CPUExecutionProvider"]
    ).get_inputs()
    return benchmark.Target(
        name=path.stem,
        path=str(path),
        format="onnx",
        input_shape=tuple(entry.shape),
        layout="NHWC" if entry.shape[-1] == 3 else "NCHW",
        input_dtype=NUMBERS[entry.type],
    )


def peer_targets(folder, size):
    """The files of a folder; each must take images of the size."""
    found = [peer_target(path) for path in sorted(folder.glob("*.onnx"))]
    if not found:
        raise SystemExit(f"{folder} holds no ONNX files: see peers/README.md")
    for target in found:
        sizes = {"NHWC": slice(1, 3), "NCHW": slice(2, 4)}[target.layout]
        if target.input_shape[sizes] != tuple(size):
            raise SystemExit(
                f"{target.path} takes images of {target.input_shape[sizes]}, "
                f"not {tuple(size)}"
            )
    return found


def trained():
    """The entries with weights whose classes are those of the streets."""
    from kerasseg import zoo

    entries = [zoo.info(name) for name in zoo.names()]
    return [e.name for e in entries if e.is_trained and e.num_classes == 11]


def print_report(report):
    """Prints the columns that matter here, and the conditions."""
    header, rows = report.table()
    picks = [header.index(name) for name in COLUMNS]
    timing.print_table(
        ["model, ONNX Runtime", *COLUMNS],
        [[row[0], *(row[pick] for pick in picks)] for row in rows],
    )
    for note in report.notes():
        print(f"\n{note}")
    for name, reason in report.failures:
        print(f"\n{name}: cannot be run: {reason}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--peers", type=Path, metavar="DIR", required=True)
    parser.add_argument("--files", type=Path, metavar="DIR")
    parser.add_argument(
        "--entries", nargs="+", metavar="NAME", help="default: all trained"
    )
    parser.add_argument("--size", type=int, nargs=2, default=SIZE, metavar="N")
    parser.add_argument("--plot", metavar="PNG")
    timing.add_arguments(parser, rounds=30)
    args = parser.parse_args()
    timing.set_up(args.threads)
    from kerasseg import benchmark

    with tempfile.TemporaryDirectory() as scratch:
        folder = args.files or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        size = tuple(args.size)
        targets = own_targets(args.entries or trained(), folder, size)
        targets += peer_targets(args.peers, size)
        before = timing.machine()
        timings = benchmark.measure(
            targets, threads=args.threads, rounds=args.rounds, runs=3
        )
    report = benchmark.Report(timings, before, BASE)
    print_report(report)
    if args.json:
        report.save(args.json)
    if args.plot:
        report.plot(args.plot)


if __name__ == "__main__":
    main()
