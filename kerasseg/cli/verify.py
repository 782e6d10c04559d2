"""`kerasseg verify`: an exported file, verified."""

import argparse
from pathlib import Path

from kerasseg.cli.dataset import check_split
from kerasseg.cli.dataset import find_data
from kerasseg.cli.dataset import is_folder
from kerasseg.cli.entry import ENTRY_HELP
from kerasseg.cli.entry import find_entry
from kerasseg.cli.entry import load_model
from kerasseg.cli.errors import Failure
from kerasseg.cli.errors import UsageError
from kerasseg.cli.export import format_name
from kerasseg.cli.export import share
from kerasseg.cli.files import find_images
from kerasseg.cli.files import name_argument
from kerasseg.cli.files import output_file
from kerasseg.cli.files import path_argument
from kerasseg.cli.files import text_argument
from kerasseg.cli.output import echo
from kerasseg.formats import RUNTIMES

# A point of mean IoU is less than what eight images scatter by.
IMAGES = 24

_EPILOG = """\
examples:
  kerasseg verify lrr_4x.tflite --against lrr_4x
  kerasseg verify lrr_4x_int8.tflite --against lrr_4x --data camvid
  kerasseg verify street.onnx --against my_model --data images --images 8
  kerasseg verify lrr_4x.onnx --against lrr_4x --runtime tensorrt-rtx

Checked in this order: the bytes of the file with its sidecar FILE.json, the
sidecar with the file and the model, and the results of both on images, within
the limits of the exporters. Exit code 0: verified. 1: not verified, with
the reason. 2: wrong usage.
"""


def add_parser(subparsers) -> None:
    """Adds the verb to the command.

    Args:
        subparsers: What `add_subparsers` returned.
    """
    parser = subparsers.add_parser(
        "verify",
        help="verify an exported file against its model",
        description="Verify that an exported file computes what a model does.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "file",
        metavar="FILE",
        type=path_argument,
        help="an exported file, or the folder of a SavedModel",
    )
    parser.add_argument(
        "--against",
        metavar="ENTRY",
        type=name_argument,
        required=True,
        help=ENTRY_HELP,
    )
    parser.add_argument(
        "--data",
        metavar="NAME|FOLDER",
        type=name_argument,
        help="run images of a dataset, with their mean IoU, or of a folder "
        "of images (default: seeded random images; int8 files need data)",
    )
    parser.add_argument(
        "--split",
        type=text_argument,
        help="the split of --data (default: test)",
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
        help="the largest loss of mean IoU by quantization or a coarse mask "
        "(default: 0.01)",
    )
    parser.add_argument(
        "--min-agreement",
        metavar="SHARE",
        type=share,
        help="the smallest share of pixels that keep their class, for "
        "images without masks (default: 0.98)",
    )
    parser.add_argument(
        "--runtime",
        type=format_name,
        choices=tuple(RUNTIMES),
        help="run an ONNX file by TensorRT for RTX through ONNX Runtime, on an "
        "NVIDIA GPU (default: the runtime of the format)",
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        type=path_argument,
        help="also write the report as JSON",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Verifies the file.

    Args:
        args: The parsed arguments.

    Returns:
        The exit code.

    Raises:
        Failure: If the file must not be used.
        UsageError: If the arguments cannot be honored.
    """
    check_split(args)
    if args.images is not None and args.data is None:
        raise UsageError("--images counts the images of --data, give both")
    entry = find_entry(args.against)
    data = _data(args, entry)
    if args.out:
        output_file(args.out)
    model = load_model(entry.origin or args.against)
    from kerasseg import export

    images = None
    if data is not None:
        images = IMAGES if args.images is None else args.images
    try:
        report = export.verify_file(
            args.file,
            model,
            data=data,
            images=images,
            labels=entry.labels,
            gate=_gate(args, export.Gate),
            runtime=args.runtime,
        )
    except export.ExportError as error:
        raise Failure(f"not verified: {error}") from error
    echo(report)
    if args.out:
        report.save(args.out)
        echo(f"\nwritten: {args.out}")
    return 0


def _gate(args, kind):
    limits = {
        "miou_loss": args.max_miou_loss,
        "mask_agreement": args.min_agreement,
    }
    limits = {name: x for name, x in limits.items() if x is not None}
    return kind(**limits) if limits else None


def _data(args, entry):
    """A dataset, or the images of a folder that is none."""
    if not args.data:
        return None
    if is_folder(args.data) and not _has_layout(args.data):
        return find_images([args.data])[0]
    return find_data(
        args.data, args.split or "test", entry.labels, entry.image_shape[2]
    )


def _has_layout(folder):
    """Whether a folder is, or means to be, a dataset."""
    from kerasseg.data.places import located

    return Path(folder, "images").is_dir() or located(folder)[1] is not None
