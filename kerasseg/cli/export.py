"""`kerasseg export`: a model as a verified file for another runtime."""

import argparse
import math
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
_COMMON = (
    "precision",
    "calibration",
    "output",
    "max_miou_loss",
    "min_agreement",
)
# Options that only some formats have.
OPTIONS = {
    "saved_model": ("output", "max_miou_loss", "min_agreement"),
    "litert": (*_COMMON, "input_dtype"),
    "onnx": (*_COMMON, "layout", "exporter"),
    "openvino": (*_COMMON, "layout"),
    "tensorrt": (*_COMMON, "layout"),
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
  kerasseg export lrr_4x --to litert --precision mixed --calibration camvid
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
        f"{ROUNDED_PROOF_IMAGES} for other precisions than float32, with their "
        "mean IoU (default: images of --calibration, else seeded random ones)",
    )
    parser.add_argument(
        "--split", default="test", help="the split of --data (default: test)"
    )
    parser.set_defaults(run=run)


def _add_options(parser):
    parser.add_argument(
        "--precision",
        choices=("float32", "float16", "int8", "mixed"),
        help="the number format; mixed is int8 but for the layers that lose "
        "most by it (default: float32)",
    )
    parser.add_argument(
        "--calibration",
        metavar="NAME|FOLDER",
        help="a data set like the images that an int8 or mixed file will see",
    )
    parser.add_argument(
        "--calibration-split",
        metavar="SPLIT",
        default="train",
        help="the split of --calibration (default: train)",
    )
    parser.add_argument(
        "--output",
        choices=("logits", "mask", "coarse_mask"),
        help="what the file returns: logits, class ids, or class ids chosen "
        "before the last upsampling, in cells of pixels (default: logits)",
    )
    parser.add_argument(
        "--input-dtype",
        choices=("uint8", "int8", "float32"),
        help="the numbers of the pixels in a LiteRT file (default: uint8 for "
        "int8 and mixed, else float32)",
    )
    parser.add_argument(
        "--max-miou-loss",
        metavar="SHARE",
        type=share,
        help="the largest fall of the mean IoU that rounding may cause, where "
        "the images of the proof have masks (default: 0.01)",
    )
    parser.add_argument(
        "--min-agreement",
        metavar="SHARE",
        type=share,
        help="the smallest share of pixels that keep their class, where they "
        "have none (default: 0.98)",
    )
    parser.add_argument(
        "--layout",
        choices=("NHWC", "NCHW"),
        help="the order of the axes, for ONNX, OpenVINO and TensorRT "
        "(default: NHWC)",
    )
    parser.add_argument(
        "--exporter",
        choices=("tf2onnx", "torch"),
        help="what converts to ONNX (default: that of the Keras backend)",
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
        count = PROOF_IMAGES if _exact(args) else ROUNDED_PROOF_IMAGES
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


def share(text: str) -> float:
    """A share from text such as `"0.02"`.

    Args:
        text: A number from 0 to 1.

    Returns:
        The number.

    Raises:
        argparse.ArgumentTypeError: If the text is something else.
    """
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(
            f"must be a share from 0 to 1, for instance 0.02, not {text!r}"
        )
    return number


def _options(args, entry):
    """The options that were given, as arguments of the exporter."""
    names = (*_COMMON, "input_dtype", "layout", "exporter")
    given = {name: getattr(args, name) for name in names}
    given = {name: x for name, x in given.items() if x is not None}
    for name in given:
        if name not in OPTIONS[args.to]:
            option = name.replace("_", "-")
            raise UserMistake(f"--to {args.to} has no --{option}")
    if args.precision in ("int8", "mixed") and not args.calibration:
        raise UserMistake(
            f"--precision {args.precision} needs images like those that the "
            f"file will see: --calibration NAME|FOLDER"
        )
    if args.calibration:
        given["calibration"] = find_data(
            args.calibration, args.calibration_split, entry.labels
        )
    return {**given, **_gate(args, given)}


def _gate(args, given):
    """Turns the limits that were given into a `Gate`."""
    limits = {
        "miou_loss": given.pop("max_miou_loss", None),
        "mask_agreement": given.pop("min_agreement", None),
    }
    limits = {name: x for name, x in limits.items() if x is not None}
    if not limits:
        return {}
    if _exact(args):
        raise UserMistake(
            "--max-miou-loss and --min-agreement are limits of what rounding "
            "or a coarse mask may cost; another float32 file must be equal"
        )
    from kerasseg.export import Gate

    return {"gate": Gate(**limits)}


def _exact(args):
    """Whether the file must return what the model returns."""
    rounded = args.precision not in (None, "float32")
    return not rounded and args.output != "coarse_mask"


def _file_name(args):
    name = Path(args.entry).resolve().name
    if args.precision not in (None, "float32"):
        name = f"{name}_{args.precision}"
    suffix = {**SUFFIXES, **ENGINES}[args.to]
    return f"{name}{suffix}" if suffix else f"{name}_{args.to}"
