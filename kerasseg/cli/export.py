"""`kerasseg export`: a model as a verified file for another runtime."""

import argparse
import math
from pathlib import Path

from kerasseg.cli.dataset import check_split
from kerasseg.cli.dataset import find_data
from kerasseg.cli.entry import ENTRY_HELP
from kerasseg.cli.entry import find_entry
from kerasseg.cli.entry import load_model
from kerasseg.cli.errors import Failure
from kerasseg.cli.errors import UsageError
from kerasseg.cli.files import make_folder
from kerasseg.cli.files import name_argument
from kerasseg.cli.files import output_file
from kerasseg.cli.files import path_argument
from kerasseg.cli.files import text_argument
from kerasseg.cli.output import echo
from kerasseg.formats import FORMATS
from kerasseg.formats import INTEGERS

# Options that every format has, and those that only some have.
COMMON = ("output", "max_miou_loss", "min_agreement", "channels")
OPTIONS = (
    *COMMON,
    *("precision", "calibration", "input_dtype", "layout", "exporter"),
    "weight_bits",
)
PROOF_IMAGES = 8
# A point of mean IoU is less than what eight images scatter by.
QUANTIZED_PROOF_IMAGES = 24

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
  kerasseg export lrr_4x --to tensorrt-rtx --precision float16
  kerasseg export my_model --to saved_model --image-shape 256x256 --out served

The file is run in its own runtime and compared with the Keras model before it
appears; a JSON file beside it tells a runtime all it needs to know. For
TensorRT that is an ONNX file, which NVIDIA's builder has made an engine of
where kerasseg[tensorrt-rtx] is installed; the engine of this GPU is built from
it where the package tensorrt is, and else the command that builds it is
printed. TensorRT for RTX has engines for no GPU in particular, built without
one beside the ONNX file. Engines are untested on a GPU in this release.
"""


def add_parser(subparsers) -> None:
    """Adds the verb to the command.

    Args:
        subparsers: What `add_subparsers` returned.
    """
    parser = subparsers.add_parser(
        "export",
        help="a model as a verified file for another runtime",
        description="Export a model, and verify what the file computes.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "entry", metavar="ENTRY", type=name_argument, help=ENTRY_HELP
    )
    parser.add_argument(
        "--to",
        required=True,
        type=format_name,
        choices=tuple(FORMATS),
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
        "--out",
        metavar="PATH",
        type=path_argument,
        help="the file (default: named by the entry)",
    )
    _add_options(parser)
    parser.add_argument(
        "--data",
        metavar="NAME|FOLDER",
        type=name_argument,
        help=f"verify it on {PROOF_IMAGES} images of a dataset, or "
        f"{QUANTIZED_PROOF_IMAGES} for other precisions than float32, with "
        "their mean IoU (default: images of --calibration, else seeded "
        "random ones)",
    )
    parser.add_argument(
        "--split",
        type=text_argument,
        help="the split of --data (default: test)",
    )
    parser.set_defaults(run=run)


def _add_options(parser):
    parser.add_argument(
        "--channels",
        metavar="NAME,NAME,...",
        type=_names,
        help="a name for each channel of the images, for the sidecar "
        "(default: RGB, gray, or the numbers of the bands)",
    )
    parser.add_argument(
        "--precision",
        choices=("float32", "float16", "int8", "mixed"),
        help="the number format; mixed is int8 except for the layers that lose "
        "most by it (default: float32)",
    )
    parser.add_argument(
        "--calibration",
        metavar="NAME|FOLDER",
        type=name_argument,
        help="a dataset like the images that an int8 or mixed file will see",
    )
    parser.add_argument(
        "--calibration-split",
        metavar="SPLIT",
        help="the split of --calibration (default: train)",
    )
    parser.add_argument(
        "--output",
        choices=("logits", "mask", "coarse_mask"),
        help="what the file returns: logits, class ids, or class ids chosen "
        "before the last upsampling, in blocks of pixels (default: logits)",
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
        help="the largest loss of mean IoU that is allowed, where "
        "the images to verify on have masks (default: 0.01)",
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
        help="the converter to ONNX (default: that of the Keras backend)",
    )
    parser.add_argument(
        "--weight-bits",
        type=int,
        choices=(7, 8),
        help="the bits of the weights in an int8 or mixed ONNX file; 7 for "
        "processors with AVX2 and without VNNI (default: 8)",
    )


def run(args: argparse.Namespace) -> int:
    """Exports the model.

    Args:
        args: The parsed arguments.

    Returns:
        The exit code.

    Raises:
        Failure: If the file would compute something else.
        UsageError: If the arguments cannot be honored.
    """
    for option in ("data", "calibration"):
        check_split(args, option)
    entry = find_entry(args.entry)
    shape = args.image_shape or tuple(entry.image_shape[:2])
    if None in shape:
        raise UsageError(
            f"{args.entry} takes images of any size; "
            "give the size of the file's images with --image-shape HxW"
        )
    options = _options(args, entry)
    path = _output(args, entry.name)
    images = None
    if args.data:
        dataset = find_data(
            args.data,
            args.split or "test",
            entry.labels,
            entry.image_shape[2],
        )
        count = PROOF_IMAGES if _exact(args) else QUANTIZED_PROOF_IMAGES
        step = max(1, len(dataset) // count)
        images = dataset.subset(dataset.names[::step][:count])
    model = load_model(entry.origin or args.entry)
    from kerasseg import export

    write = getattr(export, f"to_{args.to}")
    try:
        report = write(
            model,
            path,
            image_shape=(*shape, entry.image_shape[2]),
            verify_on=images,
            labels=entry.labels,
            **options,
        )
    except export.ExportError as error:
        raise Failure(f"not exported: {error}") from error
    echo(report)
    return 0


def format_name(text: str) -> str:
    """A format from text such as `"saved_model"` or `"tensorrt-rtx"`.

    Args:
        text: The name, with underscores or hyphens.

    Returns:
        The name with underscores.
    """
    return text.replace("-", "_")


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


def _names(text):
    return tuple(name.strip() for name in text.split(","))


def _options(args, entry):
    """The options that were given, as arguments of the exporter."""
    given = {name: getattr(args, name) for name in OPTIONS}
    given = {name: x for name, x in given.items() if x is not None}
    for name in given:
        if name not in (*COMMON, *FORMATS[args.to].options):
            option = name.replace("_", "-")
            raise UsageError(f"--to {args.to} has no --{option}")
    if args.precision in INTEGERS and not args.calibration:
        raise UsageError(
            f"--precision {args.precision} needs images like those that the "
            f"file will see: --calibration NAME|FOLDER"
        )
    if args.calibration:
        given["calibration"] = find_data(
            args.calibration,
            args.calibration_split or "train",
            entry.labels,
            entry.image_shape[2],
            "calibration",
        )
    # First what it takes out of those that were given.
    gate = _gate(args, given)
    return {**given, **gate}


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
        raise UsageError(
            "--max-miou-loss and --min-agreement are limits of what "
            "quantization or a coarse mask may cost; another float32 file "
            "must be equal"
        )
    from kerasseg.export import Gate

    return {"gate": Gate(**limits)}


def _exact(args):
    """Whether the file must return what the model returns."""
    quantized = args.precision not in (None, "float32")
    return not quantized and args.output != "coarse_mask"


def _output(args, name):
    """The path to write to, checked as far as it can be now."""
    form = FORMATS[args.to]
    path = args.out or form.file_name(name, args.precision or "float32")
    if form.suffix:
        output_file(f"{path}.json")
        return output_file(path, form.suffix)
    folder = Path(path)
    make_folder(folder.parent)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"cannot make the folder {path}: it is a file")
    return folder
