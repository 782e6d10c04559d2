"""`kerasseg export`: a model as a verified file for another runtime."""

import argparse
from pathlib import Path

from kerasseg.cli.entry import ENTRY_HELP
from kerasseg.cli.entry import find_entry
from kerasseg.cli.entry import load_model
from kerasseg.cli.evaluate import find_data
from kerasseg.cli.files import make_folder
from kerasseg.cli.mistakes import Failure
from kerasseg.cli.mistakes import UserMistake
from kerasseg.cli.mistakes import user_mistakes

SUFFIXES = {
    "saved_model": "",
    "litert": ".tflite",
    "onnx": ".onnx",
    "openvino": ".xml",
}
# What needs more than one file, and a GPU.
ENGINES = {"tensorrt": ".engine"}
# Options that only some formats have.
OPTIONS = {
    "saved_model": ("output",),
    "litert": ("precision", "calibration", "output"),
    "onnx": ("precision", "calibration", "output", "layout"),
    "openvino": ("precision", "calibration", "output", "layout"),
    "tensorrt": ("precision", "calibration", "output", "layout"),
}
PROOF_IMAGES = 8
# A point of mean IoU is less than what eight images scatter by.
ROUNDED_PROOF_IMAGES = 24

_EPILOG = """\
examples:
  kerasseg export lrr_4x --to litert
  kerasseg export lrr_4x --to onnx --image-shape 352x480 --out street.onnx
  kerasseg export lrr_4x --to litert --data camvid
  kerasseg export lrr_4x --to litert --precision int8 --calibration camvid
  kerasseg export lrr_4x --to onnx --output mask --layout NCHW
  kerasseg export lrr_4x --to openvino --precision float16 --data camvid
  kerasseg export lrr_4x --to tensorrt --precision float16 --data camvid
  kerasseg export my_model --to saved_model --image-shape 256x256 --out served

The file is run in its own runtime and compared with the Keras model before it
appears; a JSON file beside it tells a runtime all it needs to know. For
TensorRT that is an ONNX file, with operators that TensorRT takes; the engine
is built from it where the package tensorrt is installed, and else the command
that builds it is printed. Engines are untested on a GPU in this release.
"""


def add_parser(subparsers) -> None:
    """Add the verb to the command.

    Args:
        subparsers: What `add_subparsers` returned.
    """
    parser = subparsers.add_parser(
        "export",
        help="a model as a verified file for another runtime",
        description="Export a model and prove that the file computes the same.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("entry", metavar="ENTRY", help=ENTRY_HELP)
    parser.add_argument(
        "--to",
        required=True,
        choices=(*SUFFIXES, *ENGINES),
        help="the format",
    )
    parser.add_argument(
        "--image-shape",
        metavar="HxW",
        type=image_size,
        help="height and width of the images, for instance 352x480 "
        "(default: the size that the entry was trained at)",
    )
    parser.add_argument(
        "--out", metavar="PATH", help="the file (default: named by the entry)"
    )
    _add_options(parser)
    parser.add_argument(
        "--data",
        metavar="NAME|FOLDER",
        help=f"prove it on {PROOF_IMAGES} images of a data set, or "
        f"{ROUNDED_PROOF_IMAGES} for float16 and int8, with their "
        "mean IoU (default: images of --calibration, else seeded random ones)",
    )
    parser.add_argument(
        "--split", default="test", help="the split of --data (default: test)"
    )
    parser.set_defaults(run=run)


def _add_options(parser):
    parser.add_argument(
        "--precision",
        choices=("float32", "float16", "int8"),
        help="the number format (default: float32)",
    )
    parser.add_argument(
        "--calibration",
        metavar="NAME|FOLDER",
        help="a data set like the images that an int8 file will see",
    )
    parser.add_argument(
        "--calibration-split",
        metavar="SPLIT",
        default="train",
        help="the split of --calibration (default: train)",
    )
    parser.add_argument(
        "--output",
        choices=("logits", "mask"),
        help="what the file returns: logits, or class ids (default: logits)",
    )
    parser.add_argument(
        "--layout",
        choices=("NHWC", "NCHW"),
        help="the order of the axes, for ONNX, OpenVINO and TensorRT "
        "(default: NHWC)",
    )


def run(args: argparse.Namespace) -> int:
    """Export the model.

    Args:
        args: The parsed arguments.

    Returns:
        The exit code.

    Raises:
        Failure: If the file would compute something else.
        UserMistake: If the arguments cannot be honoured.
    """
    entry = find_entry(args.entry)
    shape = args.image_shape or tuple(entry.image_shape[:2])
    if None in shape:
        raise UserMistake(
            f"{args.entry} takes images of any size; "
            "give the size of the file's images with --image-shape HxW"
        )
    options = _options(args, entry)
    path = Path(args.out or _file_name(args)).expanduser()
    make_folder(path.parent)
    images = None
    if args.data:
        dataset = find_data(args.data, args.split, entry.labels)
        exact = args.precision in (None, "float32")
        count = PROOF_IMAGES if exact else ROUNDED_PROOF_IMAGES
        step = max(1, len(dataset) // count)
        images = dataset.subset(dataset.names[::step][:count])
    model = load_model(args.entry)
    from kerasseg import export

    write = getattr(export, f"to_{args.to}")
    try:
        with user_mistakes():
            report = write(
                model,
                path,
                image_shape=(*shape, 3),
                verify_on=images,
                labels=entry.labels,
                **options,
            )
    except export.ExportError as error:
        raise Failure(f"not exported: {error}") from error
    print(report)
    return 0


def image_size(text: str) -> tuple[int, int]:
    """Height and width from text such as `"352x480"`.

    Args:
        text: Two positive integers with an "x" between them.

    Returns:
        `(height, width)`.

    Raises:
        argparse.ArgumentTypeError: If the text is something else.
    """
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.strip().isdigit() for part in parts):
        raise argparse.ArgumentTypeError(
            f"must be HEIGHTxWIDTH, for instance 352x480, not {text!r}"
        )
    height, width = map(int, parts)
    if min(height, width) < 32:
        raise argparse.ArgumentTypeError(
            f"must be at least 32 pixels high and wide, not {text!r}"
        )
    return height, width


def _options(args, entry):
    """The options that were given, as arguments of the exporter."""
    names = ("precision", "calibration", "output", "layout")
    given = {name: getattr(args, name) for name in names}
    given = {name: value for name, value in given.items() if value}
    for name in given:
        if name not in OPTIONS[args.to]:
            raise UserMistake(f"--to {args.to} has no --{name}")
    if args.precision == "int8" and not args.calibration:
        raise UserMistake(
            "--precision int8 needs images like those that the file will "
            "see: --calibration NAME|FOLDER"
        )
    if args.calibration:
        given["calibration"] = find_data(
            args.calibration, args.calibration_split, entry.labels
        )
    return given


def _file_name(args):
    name = Path(args.entry).resolve().name
    if args.precision not in (None, "float32"):
        name = f"{name}_{args.precision}"
    suffix = {**SUFFIXES, **ENGINES}[args.to]
    return f"{name}{suffix}" if suffix else f"{name}_{args.to}"
