"""`kerasseg job`: masks of all images of an archive or a folder."""

import argparse
import contextlib
import logging

from kerasseg.cli.entry import ENTRY_HELP
from kerasseg.cli.errors import UsageError
from kerasseg.cli.files import make_folder
from kerasseg.cli.files import name_argument
from kerasseg.cli.files import path_argument
from kerasseg.cli.output import echo

_EPILOG = """\
examples:
  kerasseg job lrr_4x drive.zip --out masks
  kerasseg job lrr_4x images --out masks --workers 8
  kerasseg job lrr_4x drive.zip --out masks --resume

The mask of a/b.jpg is masks/a/b.jpg.png, class ids with the classes' colors as
palette. masks/manifest.jsonl has a line of JSON for each image, also for those
that could not be segmented. A worker that is killed is replaced. A job that
was stopped goes on with --resume, which also tries again what failed.
"""


def add_parser(subparsers) -> None:
    """Adds the verb to the command.

    Args:
        subparsers: What `add_subparsers` returned.
    """
    parser = subparsers.add_parser(
        "job",
        help="masks of a large archive or folder, by several workers",
        description="Segment all images of an archive or a folder, each once, "
        "by workers of Ray Data.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "entry", metavar="ENTRY", type=name_argument, help=ENTRY_HELP
    )
    parser.add_argument(
        "source",
        metavar="ARCHIVE|FOLDER",
        type=path_argument,
        help="a .zip file, a .tar file that is not compressed, or a folder",
    )
    parser.add_argument(
        "--out",
        metavar="DIR",
        type=path_argument,
        required=True,
        help="the folder to write to",
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=2,
        metavar="N",
        help="processes, each with the model; 0: this one alone, without Ray "
        "(default: 2)",
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with a job that stopped"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Segments all images.

    Args:
        args: The parsed arguments.

    Returns:
        0 if all images were segmented, 1 if one could not be.

    Raises:
        UsageError: If the number of workers is no good.
    """
    from kerasseg.jobs import predict_all

    if args.workers < 0:
        raise UsageError(f"--workers must be 0 or more, not {args.workers}")
    folder = make_folder(args.out)
    if args.workers:
        _quiet_ray()
    report = predict_all(
        args.entry,
        args.source,
        folder,
        workers=args.workers,
        resume=args.resume,
    )
    before = f", {report.before} of them before" if report.before else ""
    echo(f"{report.done} of {report.total} images: masks in {folder}{before}")
    for name, error in report.failed.items():
        echo(f"{name}: {error}", error=True)
    if report.problem:
        echo(f"{args.source}: {report.problem}", error=True)
    return int(bool(report.failed or report.problem))


def _quiet_ray():
    # Ray Data tells of its plans otherwise; errors are raised anyhow.
    with contextlib.suppress(ImportError):
        import ray.data  # noqa: F401

        logging.getLogger("ray.data").setLevel(logging.ERROR)
