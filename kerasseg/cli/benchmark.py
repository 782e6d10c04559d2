"""`kerasseg benchmark`: time, memory and energy of exported files."""

import argparse
import contextlib
import tempfile
from pathlib import Path

from kerasseg.cli.entry import find_entry
from kerasseg.cli.entry import load_model
from kerasseg.cli.evaluate import find_data
from kerasseg.cli.export import OPTIONS
from kerasseg.cli.export import SUFFIXES
from kerasseg.cli.export import image_size
from kerasseg.cli.files import make_folder
from kerasseg.cli.mistakes import Failure
from kerasseg.cli.mistakes import UserMistake
from kerasseg.cli.mistakes import one_line
from kerasseg.cli.mistakes import user_mistakes
from kerasseg.cli.progress import progress
from kerasseg.cli.tables import table

PRECISIONS = ("float32", "float16", "int8")

_EPILOG = """\
examples:
  kerasseg benchmark lrr_4x
  kerasseg benchmark lrr_4x.onnx lrr_4x.tflite --threads 1 --json times.json
  kerasseg benchmark exported/ --baseline lrr_4x.onnx --plot times.png
  kerasseg benchmark lrr_4x --precisions float32 int8 --calibration camvid \\
      --out exported

A file is run in its own runtime, in a process of its own, kept on as many
cores as it has threads. Files take turns, so that a busy moment of the machine
hits all alike: trust the ratio more than the milliseconds.
"""


def add_parser(subparsers) -> None:
    """Add the verb to the command.

    Args:
        subparsers: What `add_subparsers` returned.
    """
    parser = subparsers.add_parser(
        "benchmark",
        help="time, memory and energy of exported files",
        description="Time exported files side by side, in their runtimes.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "targets",
        metavar="TARGET",
        nargs="+",
        help="an exported file, a folder of exported files, or an entry "
        "that is exported first",
    )
    _add_export_options(parser)
    _add_measuring_options(parser)
    parser.set_defaults(run=run)


def _add_export_options(parser):
    group = parser.add_argument_group("for an entry")
    group.add_argument(
        "--formats",
        nargs="+",
        choices=SUFFIXES,
        default=["onnx", "litert"],
        help="what to export it to (default: onnx litert)",
    )
    group.add_argument(
        "--precisions",
        nargs="+",
        choices=PRECISIONS,
        default=["float32"],
        help="in which number formats, where the format has them "
        "(default: float32)",
    )
    group.add_argument(
        "--image-shape",
        metavar="HxW",
        type=image_size,
        help="height and width of the images "
        "(default: the size that the entry was trained at)",
    )
    group.add_argument(
        "--calibration",
        metavar="NAME|FOLDER",
        help="a data set like the images that an int8 file will see",
    )
    group.add_argument(
        "--calibration-split",
        metavar="SPLIT",
        default="train",
        help="the split of --calibration (default: train)",
    )
    group.add_argument(
        "--out", metavar="FOLDER", help="keep the exported files there"
    )


def _add_measuring_options(parser):
    group = parser.add_argument_group("measuring")
    group.add_argument(
        "--threads",
        type=_positive,
        help="threads of each runtime, and cores it is kept on "
        "(default: all cores)",
    )
    group.add_argument(
        "--rounds", type=_positive, default=10, help="(default: 10)"
    )
    group.add_argument(
        "--runs",
        type=_positive,
        default=5,
        help="timed runs of a file in a round (default: 5)",
    )
    group.add_argument(
        "--warm-up",
        type=_positive,
        default=3,
        help="runs of a file before the first round (default: 3)",
    )
    group.add_argument(
        "--baseline",
        metavar="NAME",
        help="the file, as named in the table, that ratios are to "
        "(default: the first)",
    )
    group.add_argument("--json", metavar="FILE", help="write the figures too")
    group.add_argument("--plot", metavar="PNG", help="draw the times too")


def run(args: argparse.Namespace) -> int:
    """Time the files.

    Args:
        args: The parsed arguments.

    Returns:
        The exit code: 1 if a file could not be exported or run.

    Raises:
        Failure: If none could.
        UserMistake: If the arguments cannot be honoured.
    """
    from kerasseg.benchmark import targets_of
    from kerasseg.benchmark.report import drawing

    places = [Path(p).expanduser() for p in (args.json, args.plot) if p]
    for place in places:
        make_folder(place.parent)
    if args.plot:
        drawing()
    with contextlib.ExitStack() as stack:
        folder = _folder(args, stack)
        paths, refused = _find_all(args, folder)
        if not paths:
            raise Failure("; ".join(refused))
        with user_mistakes():
            targets = targets_of(paths)
            report = _measured(args, targets)
    _print(report, refused)
    if args.json:
        report.save(Path(args.json).expanduser())
        print(f"\nwritten: {args.json}")
    if args.plot and any(timing.rounds for timing in report.timings):
        report.plot(Path(args.plot).expanduser())
        print(f"written: {args.plot}")
    return 1 if refused or report.failures else 0


def _positive(text):
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(
            f"must be a whole number of 1 or more, not {text!r}"
        )
    return int(text)


def _folder(args, stack):
    """Where entries are exported to."""
    if args.out:
        return make_folder(args.out)
    return Path(stack.enter_context(tempfile.TemporaryDirectory()))


def _find_all(args, folder):
    """Paths of all files, and what was refused and why."""
    paths, refused = [], []
    for text in args.targets:
        path = Path(text).expanduser()
        if path.is_file() or (path / "saved_model.pb").is_file():
            paths.append(path)
        elif path.is_dir() and not (path / "entry.json").is_file():
            paths += _files_of(path)
        else:
            _export(args, text, folder, paths, refused)
    return paths, refused


def _files_of(folder):
    from kerasseg.benchmark import exported_files

    found = exported_files(folder)
    if not found:
        raise UserMistake(
            f"no exported files with their sidecars in the folder {folder}"
        )
    return found


def _export(args, name, folder, paths, refused):
    """Exports an entry to all formats and precisions that exist together."""
    entry = find_entry(name)
    shape = args.image_shape or tuple(entry.image_shape[:2])
    if None in shape:
        raise UserMistake(
            f"{name} takes images of any size; "
            "give the size of the file's images with --image-shape HxW"
        )
    calibration = _calibration(args, entry)
    model = load_model(name)
    from kerasseg import export

    for form, precision in _variants(args):
        path = folder / _file_name(entry.name, form, precision)
        options = {}
        if "precision" in OPTIONS[form]:
            options["precision"] = precision
        if precision == "int8":
            options["calibration"] = calibration
        try:
            with user_mistakes():
                getattr(export, f"to_{form}")(
                    model,
                    path,
                    image_shape=(*shape, 3),
                    labels=entry.labels,
                    **options,
                )
        except export.ExportError as error:
            refused.append(f"{path.name}: not exported: {one_line(error)}")
        else:
            paths.append(path)


def _variants(args):
    """Pairs of format and precision that the exporters know."""
    return [
        (form, precision)
        for form in args.formats
        for precision in args.precisions
        if precision == "float32" or "precision" in OPTIONS[form]
    ]


def _calibration(args, entry):
    if "int8" not in args.precisions:
        return None
    if not args.calibration:
        raise UserMistake(
            "--precisions int8 needs images like those that the file will "
            "see: --calibration NAME|FOLDER"
        )
    return find_data(args.calibration, args.calibration_split, entry.labels)


def _file_name(name, form, precision):
    stem = name if precision == "float32" else f"{name}_{precision}"
    return f"{stem}{SUFFIXES[form]}" if SUFFIXES[form] else f"{stem}_{form}"


def _measured(args, targets):
    from kerasseg.benchmark import Report
    from kerasseg.benchmark import machine
    from kerasseg.benchmark import measure

    names = [target.name for target in targets]
    if args.baseline not in (None, *names):
        raise UserMistake(
            f"--baseline must be one of {', '.join(names)}, not "
            f"{args.baseline!r}"
        )
    described = machine.describe()
    bar = progress(range(args.rounds + 1), "measuring", args.rounds)
    next(bar)
    timings = measure(
        targets,
        threads=args.threads,
        rounds=args.rounds,
        runs=args.runs,
        warm_up=args.warm_up,
        progress=lambda _: next(bar),
    )
    bar.close()
    return Report(timings, described, args.baseline)


def _print(report, refused):
    header, rows = report.table()
    if rows:
        print(table(header, rows))
        print(f"\n{report.machine['processor']}")
        for note in report.notes():
            print(note)
    for name, reason in report.failures:
        print(f"{name}: cannot be run: {reason}")
    for line in refused:
        print(line)
