"""`kerasseg verify`: an exported file proven again."""

import argparse
from pathlib import Path

from kerasseg.cli.entry import ENTRY_HELP
from kerasseg.cli.entry import find_entry
from kerasseg.cli.entry import load_model
from kerasseg.cli.evaluate import find_data
from kerasseg.cli.export import share
from kerasseg.cli.files import find_images
from kerasseg.cli.files import make_folder
from kerasseg.cli.mistakes import Failure
from kerasseg.cli.mistakes import UserMistake
from kerasseg.cli.mistakes import user_mistakes

# A point of mean IoU is less than what eight images scatter by.
IMAGES = 24

_EPILOG = """\
examples:
  kerasseg verify lrr_4x.tflite --against lrr_4x
  kerasseg verify lrr_4x_int8.tflite --against lrr_4x --data camvid
  kerasseg verify street.onnx --against my_model --data photographs --images 8

Checked in this order: the bytes of the file with its sidecar FILE.json, the
sidecar with the file and the model, and the results of both on images, within
the limits of the exporters. Exit code 0: proven. 1: not proven, with the
reason. 2: a mistake in the command.
"""


def add_parser(subparsers) -> None:
    """Add the verb to the command.

    Args:
        subparsers: What `add_subparsers` returned.
    """
    parser = subparsers.add_parser(
        "verify",
        help="an exported file proven again",
        description="Prove that an exported file computes what a model does.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "file",
        metavar="FILE",
        help="an exported file, or the folder of a SavedModel",
    )
    parser.add_argument(
        "--against", metavar="ENTRY", required=True, help=ENTRY_HELP
    )
    parser.add_argument(
        "--data",
        metavar="NAME|FOLDER",
        help="run images of a data set, with their mean IoU, or of a folder "
        "of pictures (default: seeded random images; int8 files need data)",
    )
    parser.add_argument(
        "--split", default="test", help="the split of --data (default: test)"
    )
    parser.add_argument(
        "--images",
        metavar="N",
        type=int,
        help=f"how many images, evenly spread (default: {IMAGES})",
    )
    parser.add_argument(
        "--max-miou-loss",
        metavar="SHARE",
        type=share,
        help="what rounding or a coarse mask may cost (default: 0.01)",
    )
    parser.add_argument(
        "--min-agreement",
        metavar="SHARE",
        type=share,
        help="the same for images without masks (default: 0.98)",
    )
    parser.add_argument(
        "--out", metavar="FILE", help="write the report as JSON too"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Verify the file.

    Args:
        args: The parsed arguments.

    Returns:
        The exit code.

    Raises:
        Failure: If the file must not be used.
        UserMistake: If the arguments cannot be honoured.
    """
    entry = find_entry(args.against)
    data = _data(args, entry.labels)
    if args.images and not args.data:
        raise UserMistake("--images counts the images of --data, give both")
    if args.out:
        make_folder(Path(args.out).expanduser().parent)
    model = load_model(args.against)
    from kerasseg import export

    images = None
    if data is not None:
        images = IMAGES if args.images is None else args.images
    try:
        with user_mistakes():
            report = export.verify_file(
                args.file,
                model,
                data=data,
                images=images,
                labels=entry.labels,
                gate=_gate(args, export.Gate),
            )
    except export.ExportError as error:
        raise Failure(f"not proven: {error}") from error
    print(report)
    if args.out:
        with user_mistakes((OSError,)):
            report.save(Path(args.out).expanduser())
        print(f"\nwritten: {args.out}")
    return 0


def _gate(args, kind):
    limits = {
        "miou_loss": args.max_miou_loss,
        "mask_agreement": args.min_agreement,
    }
    limits = {name: x for name, x in limits.items() if x is not None}
    return kind(**limits) if limits else None


def _data(args, labels):
    """A data set, or the pictures of a folder that is none."""
    if not args.data:
        return None
    folder = Path(args.data).expanduser()
    if folder.is_dir() and not (folder / "images").is_dir():
        return find_images([args.data])[0]
    return find_data(args.data, args.split, labels)
