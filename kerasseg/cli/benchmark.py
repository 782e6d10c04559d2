"""`kerasseg benchmark`: time, memory and energy of exported files."""

import argparse
import contextlib
import dataclasses
import tempfile
from pathlib import Path

from kerasseg.backend import configured_backend
from kerasseg.cli.dataset import check_split
from kerasseg.cli.dataset import find_data
from kerasseg.cli.entry import find_entry
from kerasseg.cli.entry import load_model
from kerasseg.cli.errors import Failure
from kerasseg.cli.errors import UsageError
from kerasseg.cli.errors import one_line
from kerasseg.cli.export import format_name
from kerasseg.cli.export import image_size
from kerasseg.cli.files import make_folder
from kerasseg.cli.files import name_argument
from kerasseg.cli.files import output_file
from kerasseg.cli.files import path_argument
from kerasseg.cli.output import echo
from kerasseg.cli.progress import progress
from kerasseg.cli.tables import table
from kerasseg.formats import FORMATS
from kerasseg.formats import RUNTIMES

# The first is the default.
PRECISIONS = ("float32", "float16", "int8")
# Those of them that the backend has.
DEFAULT_FORMATS = ("onnx", "litert")
FOR_ENTRIES = (
    *("formats", "precisions", "image_shape"),
    *("calibration", "calibration_split", "out"),
)
TIMED = [name for name, facts in FORMATS.items() if not facts.needs_gpu]

_EPILOG = """\
examples:
  kerasseg benchmark lrr_4x
  kerasseg benchmark lrr_4x.onnx lrr_4x.tflite --threads 1 --json times.json
  kerasseg benchmark exported/ --baseline lrr_4x.onnx --plot times.png
  kerasseg benchmark lrr_4x.onnx --runtime tensorrt-rtx
  kerasseg benchmark lrr_4x --precisions float32 int8 --calibration camvid \\
      --out exported

A file is run in its own runtime, in a process of its own, kept on as many
cores as it has threads. Files take turns, so that a busy moment of the machine
hits all alike: trust the ratio more than the milliseconds.
"""


def add_parser(subparsers) -> None:
    """Adds the verb to the command.

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
        type=name_argument,
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
        choices=TIMED,
        help="what to export it to (default: onnx, and litert on the "
        "TensorFlow backend)",
    )
    group.add_argument(
        "--precisions",
        nargs="+",
        choices=PRECISIONS,
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
        type=name_argument,
        help="a dataset like the images that an int8 file will see",
    )
    group.add_argument(
        "--calibration-split",
        metavar="SPLIT",
        help="the split of --calibration (default: train)",
    )
    group.add_argument(
        "--out",
        metavar="FOLDER",
        type=path_argument,
        help="keep the exported files there",
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
        "--rounds",
        type=_positive,
        default=10,
        help="rounds in which the files take turns (default: 10)",
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
        help="the file that ratios refer to, as named in the table "
        "(default: the first)",
    )
    group.add_argument(
        "--runtime",
        type=format_name,
        choices=tuple(RUNTIMES),
        help="also time each ONNX file by TensorRT for RTX through ONNX "
        "Runtime, on an NVIDIA GPU",
    )
    for option, metavar, what in (
        ("--json", "FILE", "also write the figures"),
        ("--plot", "PNG", "also plot the times"),
    ):
        group.add_argument(
            option, metavar=metavar, type=path_argument, help=what
        )


def run(args: argparse.Namespace) -> int:
    """Times the files.

    Args:
        args: The parsed arguments.

    Returns:
        The exit code: 1 if a file could not be exported or run.

    Raises:
        Failure: If none could.
        UsageError: If the arguments cannot be honored.
    """
    from kerasseg.benchmark import targets_of
    from kerasseg.figures import check_drawing

    _check_options(args)
    if args.json:
        output_file(args.json)
    if args.plot:
        output_file(args.plot, ".png")
        check_drawing()
    with contextlib.ExitStack() as stack:
        folder = _folder(args, stack)
        paths, refused = _find_all(args, folder)
        if not paths:
            raise Failure("; ".join(refused))
        targets = _with_runtime(targets_of(paths), args.runtime)
        report = _measured(args, targets)
    _print(report, refused)
    if args.json:
        report.save(args.json)
        echo(f"\nwritten: {args.json}")
    if args.plot and any(timing.rounds for timing in report.timings):
        report.plot(args.plot)
        echo(f"written: {args.plot}")
    return 1 if refused or report.failures else 0


def _with_runtime(targets, runtime):
    """The targets, and those of another runtime once more."""
    if runtime is None:
        return targets
    facts = RUNTIMES[runtime]
    more = [
        dataclasses.replace(
            target, name=f"{target.name}, {facts.title}", runtime=runtime
        )
        for target in targets
        if target.format == facts.format
    ]
    if not more:
        raise UsageError(f"--runtime {runtime} needs a file in {facts.format}")
    return [*targets, *more]


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


def _check_options(args):
    """Refuses options that nothing comes of."""
    check_split(args, "calibration")
    given = [name for name in FOR_ENTRIES if getattr(args, name) is not None]
    entries = [t for t in args.targets if not _is_file(t) and not _is_folder(t)]
    if given and not entries:
        option = given[0].replace("_", "-")
        raise UsageError(
            f"--{option} is for entries, which are exported first; "
            f"{', '.join(args.targets)} is exported already"
        )
    for form in args.formats or ():
        if not _has_backend(form):
            raise UsageError(
                f"--formats {form} needs another backend than "
                f"{configured_backend()}: KERAS_BACKEND=tensorflow"
            )
    if entries and not _variants(args):
        raise UsageError(
            f"--precisions {' '.join(args.precisions)}: not in --formats "
            f"{' '.join(_formats(args))}"
        )


def _has_backend(form):
    return configured_backend() in FORMATS[form].backends


def _is_file(target):
    """Whether it is an exported file, of which a SavedModel is a folder."""
    path = Path(target)
    return path.is_file() or (path / "saved_model.pb").is_file()


def _is_folder(target):
    """Whether it is a folder of exported files, not of a model."""
    path = Path(target)
    return path.is_dir() and not (path / "entry.json").is_file()


def _find_all(args, folder):
    """Paths of all files, and what was refused and why."""
    paths, refused = [], []
    for text in args.targets:
        if _is_file(text):
            paths.append(Path(text))
        elif _is_folder(text):
            paths += _files_of(Path(text))
        else:
            _export(args, text, folder, paths, refused)
    return paths, refused


def _files_of(folder):
    from kerasseg.benchmark import exported_files

    found = exported_files(folder)
    if not found:
        raise UsageError(
            f"no exported files with their sidecars in the folder {folder}"
        )
    return found


def _export(args, name, folder, paths, refused):
    """Exports an entry to all formats and precisions that exist together."""
    entry = find_entry(name)
    shape = args.image_shape or tuple(entry.image_shape[:2])
    if None in shape:
        raise UsageError(
            f"{name} takes images of any size; "
            "give the size of the file's images with --image-shape HxW"
        )
    calibration = _calibration(args, entry)
    model = load_model(entry.origin or name)
    from kerasseg import export

    for form, precision in _variants(args):
        path = folder / FORMATS[form].file_name(entry.name, precision)
        options = {}
        if "precision" in FORMATS[form].options:
            options["precision"] = precision
        if precision == "int8":
            options["calibration"] = calibration
        try:
            getattr(export, f"to_{form}")(
                model,
                path,
                image_shape=(*shape, entry.image_shape[2]),
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
        for form in _formats(args)
        for precision in args.precisions or PRECISIONS[:1]
        if precision in FORMATS[form].precisions
    ]


def _formats(args):
    return args.formats or [*filter(_has_backend, DEFAULT_FORMATS)]


def _calibration(args, entry):
    if "int8" not in (args.precisions or ()):
        return None
    if not args.calibration:
        raise UsageError(
            "--precisions int8 needs images like those that the file will "
            "see: --calibration NAME|FOLDER"
        )
    return find_data(
        args.calibration,
        args.calibration_split or "train",
        entry.labels,
        entry.image_shape[2],
        "calibration",
    )


def _measured(args, targets):
    from kerasseg.benchmark import Report
    from kerasseg.benchmark import machine
    from kerasseg.benchmark import measure

    names = [target.name for target in targets]
    if args.baseline not in (None, *names):
        raise UsageError(
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
        echo(table(header, rows))
        echo(f"\n{report.machine['processor']}")
        for note in report.notes():
            echo(note)
    for name, reason in report.failures:
        echo(f"{name}: cannot be run: {reason}")
    for line in refused:
        echo(line)
