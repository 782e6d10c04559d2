"""`kerasseg data check`: what a dataset holds, and what is wrong with it."""

import argparse

from kerasseg.cli.files import name_argument
from kerasseg.cli.files import output_file
from kerasseg.cli.files import path_argument
from kerasseg.cli.output import echo
from kerasseg.cli.progress import progress
from kerasseg.cli.tables import percent
from kerasseg.cli.tables import table
from kerasseg.files import json_text

_EPILOG = """\
examples:
  kerasseg data check camvid
  kerasseg data check tfds:oxford_iiit_pet
  kerasseg data check my_folder
  kerasseg data check my_folder --quick
  kerasseg data check my_folder --html report.html
  kerasseg data check my_folder --json > report.json

A folder holds images/SPLIT/NAME.jpg, masks/SPLIT/NAME.png and a file
labels.json with class_names. Any layout of `kerasseg data` will do.

exit codes: 0 no error, 1 at least one error (a warning is none), 2 wrong usage.
"""

# Of kerasseg.channels, which would be loaded for `--help`.
MOST_CHANNELS = 16
# Most sizes, modes or files that are shown in one place.
_MOST = 4


def add_to(parser: argparse.ArgumentParser) -> None:
    """Lets the word `check` after `data` begin a verb of its own.

    A dataset of that name is a path: `./check`.

    Args:
        parser: The parser of `data`.
    """
    check = _parser(type(parser), f"{parser.prog} check")
    others = parser.parse_known_args

    def parse_known_args(args=None, namespace=None):
        if args and args[0] == "check":
            return check.parse_known_args(args[1:], namespace)
        return others(args, namespace)

    parser.parse_known_args = parse_known_args


def _parser(kind, prog):
    parser = kind(
        prog=prog,
        description="Say what a dataset holds, what is wrong with it, and "
        "which class weights\nsuit it.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "target",
        metavar="NAME|FOLDER|tfds:NAME",
        type=name_argument,
        help="a dataset (see `kerasseg data`), a folder, or a dataset of "
        "TensorFlow Datasets",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="read the headers of the files and a few masks alone",
    )
    parser.add_argument(
        "--channels",
        metavar="N",
        type=_channels,
        help="channels of the images that the model takes, 1 to 16 "
        "(default: 3, RGB)",
    )
    parser.add_argument(
        "--json", action="store_true", help="print the report as JSON"
    )
    parser.add_argument(
        "--html",
        metavar="FILE",
        type=path_argument,
        help="write a page with images and overlays too",
    )
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Checks the dataset.

    Args:
        args: The parsed arguments.

    Returns:
        0 if there is no error, 1 if there is one.
    """
    if args.html:
        output_file(args.html)
    report = _checked(args)
    if args.html:
        from kerasseg.cli.data_page import write_page

        write_page(report, args.html)
    if args.json:
        echo(json_text(report.to_json()).rstrip())
    else:
        _show(report)
        if args.html:
            echo(f"written: {args.html}")
    return 1 if report.errors else 0


def _channels(text):
    if not text.isdigit() or not 1 <= int(text) <= MOST_CHANNELS:
        raise argparse.ArgumentTypeError(
            f"must be an integer from 1 to {MOST_CHANNELS}, not {text!r}"
        )
    return int(text)


def _checked(args):
    from kerasseg import data

    bar = None

    def step(done, total):
        nonlocal bar
        if bar is None:
            bar = progress(range(total + 1), "checking", total)
            next(bar)
        next(bar, None)

    report = data.check(
        args.target, quick=args.quick, progress=step, channels=args.channels
    )
    if bar is not None:
        bar.close()
    return report


def _show(report):
    echo(f"{report.source}\n")
    if report.splits:
        echo(f"{_splits(report)}\n\n{_classes(report)}\n")
        if report.quick:
            read = (f"{s.masks_read} of {n}" for n, s in report.splits.items())
            echo(f"Only these masks were read: {', '.join(read)}.\n")
        weights = ", ".join(f"{w:.4g}" for w in report.class_weights)
        echo(
            f"class weights by median frequency in {report.training_split}:\n"
            f"  [{weights}]\n"
        )
    for problem in report.problems:
        echo(f"{problem.severity}: {problem.name}: {problem.message}")
    echo(f"{len(report.errors)} error(s), {len(report.warnings)} warning(s)")


def _splits(report):
    rows = [
        (
            name,
            split.samples,
            _few({f"{h}x{w}": n for (h, w), n in split.sizes.items()}),
            _few(split.image_modes),
            _few(split.mask_modes),
        )
        for name, split in report.splits.items()
    ]
    header = ("split", "samples", "height x width", "images", "masks")
    return table(header, rows)


def _few(counts):
    """The most frequent of some things, with their number if there are more."""
    if len(counts) == 1:
        return next(iter(counts))
    from kerasseg.ids import listed

    return listed([f"{name}: {n}" for name, n in counts.items()], _MOST)


def _classes(report):
    names, splits = report.labels.class_names, report.splits
    rows = [
        (
            str(i),
            name,
            *(_share(s.pixels[i], s) for s in splits.values()),
            sum(s.images[i] for s in splits.values()),
            f"{report.class_weights[i]:.4f}",
        )
        for i, name in enumerate(names)
    ]
    rows += _others(splits, "void") + _others(splits, "unknown")
    shares = [f"{split} %" for split in splits]
    return table(("id", "class", *shares, "masks", "weight"), rows)


def _others(splits, kind):
    """Rows of the ids that are no class."""
    ids = {i for split in splits.values() for i in getattr(split, kind)}
    return [
        (
            str(i),
            f"({kind})",
            *(_share(getattr(s, kind).get(i, 0), s) for s in splits.values()),
            None,
            None,
        )
        for i in sorted(ids)[:_MOST]
    ]


def _share(pixels, split):
    return percent(pixels / max(split.total(), 1))
