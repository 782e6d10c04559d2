"""`kerasseg evaluate`: the scores of a model on a dataset."""

import argparse
import dataclasses
import datetime
import functools
import hashlib
import importlib.metadata
import math
import platform
import shlex
import subprocess
from pathlib import Path

from kerasseg.cli.entry import ENTRY_HELP
from kerasseg.cli.entry import find_entry
from kerasseg.cli.entry import load_model
from kerasseg.cli.errors import UsageError
from kerasseg.cli.files import name_argument
from kerasseg.cli.files import output_file
from kerasseg.cli.files import path_argument
from kerasseg.cli.output import echo
from kerasseg.cli.progress import progress
from kerasseg.cli.tables import percent
from kerasseg.cli.tables import table
from kerasseg.files import atomic_json

SMALLEST_SCALE, LARGEST_SCALE = 0.1, 10
ONE_SCALE = "whole image, one scale, no flip, void ignored"
SEVERAL_SCALES = (
    "whole image, softmax averaged over the scales {} with mirror images, "
    "void ignored"
)
WITH_CRF = "whole image, one scale, no flip, then {}, void ignored"

_EPILOG = """\
examples:
  kerasseg evaluate lrr_4x --data camvid
  kerasseg evaluate lrr_4x --data camvid --split val --out metrics.json
  kerasseg evaluate lrr_4x --data camvid --boundaries
  kerasseg evaluate lrr_4x --data camvid --scales 0.75 1 1.25
  kerasseg evaluate my_model --data my_folder

A folder of your own holds images/SPLIT/NAME.jpg and masks/SPLIT/NAME.png.
"""

_SUMMARY = (
    "mean_iou",
    "mean_accuracy",
    "pixel_accuracy",
    "frequency_weighted_iou",
)
_BOUNDARIES = ("boundary_iou", "boundary_f1")


def add_parser(subparsers) -> None:
    """Adds the verb to the command.

    Args:
        subparsers: What `add_subparsers` returned.
    """
    parser = subparsers.add_parser(
        "evaluate",
        help="the scores of a model on a dataset",
        description="Evaluate a model: mean IoU, IoU of each class, and more.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "entry", metavar="ENTRY", type=name_argument, help=ENTRY_HELP
    )
    parser.add_argument(
        "--data",
        metavar="NAME|FOLDER",
        required=True,
        type=name_argument,
        help="a dataset (see `kerasseg data`) or a folder in its layout",
    )
    parser.add_argument(
        "--split", default="test", help="the split (default: test)"
    )
    parser.add_argument(
        "--orientation",
        choices=("exif", "stored"),
        help="which way up images and masks are, where the EXIF data of an "
        "image say that it is to be turned: as these say, or as stored "
        "(default: exif, with a warning where the two of a pair differ)",
    )
    parser.add_argument(
        "--boundaries",
        action="store_true",
        help="also score boundaries: trimap IoU, boundary IoU, boundary F1",
    )
    parser.add_argument(
        "--scales",
        metavar="FACTOR",
        type=scale,
        nargs="+",
        help="average over the image and its mirror image at these scales "
        "(default: the image as it is, alone)",
    )
    parser.add_argument(
        "--crf",
        metavar="NAME=VALUE",
        nargs="*",
        help="make masks follow the edges of the image by a dense CRF, with "
        "these parameters of kerasseg.inference.DenseCRF (extra crf)",
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        type=path_argument,
        help="also write the scores as JSON",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Evaluates the model.

    Args:
        args: The parsed arguments.

    Returns:
        The exit code.
    """
    crf = _crf(args)
    entry = find_entry(args.entry)
    dataset = find_data(
        args.data, args.split, entry.labels, entry.image_shape[2]
    )
    if args.orientation:
        dataset = _oriented(dataset, args)
    if args.out:
        output_file(args.out)
    model = load_model(args.entry)
    from kerasseg.training.evaluate import evaluate

    protocol, predict = _protocol(args.scales, crf)
    # What one of the two ignores is not scored, though the other counts it.
    labels = dataclasses.replace(
        entry.labels,
        ignore_classes=(
            *entry.labels.ignore_classes,
            *dataset.labels.ignore_classes,
        ),
    )
    hashed = _Hashed(dataset)
    bar = progress(range(len(dataset) + 1), "scoring", len(dataset))
    next(bar)
    scores = evaluate(
        model,
        hashed,
        labels,
        progress=lambda _: next(bar),
        boundaries=args.boundaries,
        predict=predict,
        image_size=_image_size(entry),
    )
    bar.close()
    echo(f"{entry.name} on {args.data} {args.split}: {len(dataset)} images")
    echo(f"{protocol}\n")
    _show_scores(scores)
    if args.out:
        scores["data_sha256"] = hashed.hexdigest()
        record = _record(args, entry, model, protocol, scores)
        atomic_json(args.out, record)
        echo(f"\nwritten: {args.out}")
    return 0


def _oriented(dataset, args):
    if not hasattr(dataset, "with_orientation"):
        raise UsageError(
            f"--orientation is for folders of images, which {args.data} is not"
        )
    root, split = getattr(dataset, "root", None), args.split
    dataset = dataset.with_orientation(args.orientation)
    dataset.root, dataset.split = root, split
    return dataset


class _Hashed:
    """A dataset that hashes the pixels and ids that it gives.

    SHA-256 over all samples in the order of the split, of each the image and
    then the mask: the type and shape as text, such as `|u1 (360, 480, 3)`, and
    the values, row by row. Files that decode to the same values hash alike.
    """

    def __init__(self, dataset):
        self._dataset = dataset
        # Where it lies, for messages.
        self.root = getattr(dataset, "root", None)
        self.split = getattr(dataset, "split", None)
        self._digest = hashlib.sha256()

    def __len__(self):
        return len(self._dataset)

    def __getitem__(self, index):
        sample = self._dataset[index]
        for array in sample:
            self._digest.update(f"{array.dtype.str} {array.shape}".encode())
            self._digest.update(array.tobytes())
        return sample

    def hexdigest(self):
        return self._digest.hexdigest()


def _crf(args):
    """The CRF that was asked for, or `None`."""
    if args.crf is None:
        return None
    if args.scales is not None:
        raise UsageError("--scales and --crf cannot be combined")
    from kerasseg.inference import DenseCRF

    kinds = {field.name: field.type for field in dataclasses.fields(DenseCRF)}
    values = {}
    for text in args.crf:
        name, _, value = text.partition("=")
        try:
            values[name] = kinds[name](value)
        except (KeyError, ValueError) as error:
            raise UsageError(
                f"--crf takes NAME=VALUE with numbers for {', '.join(kinds)}, "
                f"not {text!r}"
            ) from error
    return DenseCRF(**values)


def _protocol(scales, crf=None):
    """How images are predicted: in words, and as a function or `None`."""
    if crf is not None:
        from kerasseg.inference import predict_mask_crf

        return WITH_CRF.format(crf), functools.partial(
            predict_mask_crf, crf=crf
        )
    if scales is None:
        return ONE_SCALE, None
    from kerasseg.inference import predict_mask_multi_scale

    listed = ", ".join(f"{scale:g}" for scale in scales)
    return SEVERAL_SCALES.format(listed), functools.partial(
        predict_mask_multi_scale, scales=scales, fuse="mean"
    )


def scale(text: str) -> float:
    """A factor of an image's size from text such as `"0.75"`.

    Args:
        text: A number.

    Returns:
        The number.

    Raises:
        argparse.ArgumentTypeError: If images of that size are no use.
    """
    try:
        factor = float(text)
    except ValueError:
        factor = math.nan
    if not SMALLEST_SCALE <= factor <= LARGEST_SCALE:
        raise argparse.ArgumentTypeError(
            f"must be a factor from {SMALLEST_SCALE} to {LARGEST_SCALE}, for "
            f"instance 0.75, not {text!r}"
        )
    return factor


def _image_size(entry):
    """Height and width that the model was made for, if they are known."""
    size = tuple(entry.image_shape[:2])
    return None if size == (None, None) else size


def _show_scores(scores):
    rows = [
        (name, percent(iou)) for name, iou in scores["per_class_iou"].items()
    ]
    echo(table(("class", "IoU %"), rows))
    echo()
    names = [name for name in (*_SUMMARY, *_BOUNDARIES) if name in scores]
    rows = [(name.replace("_", " "), percent(scores[name])) for name in names]
    over = {n: scores["mean_over"].get(n, "") for n in names}
    if any(map(_leaves_out, over.values())):
        rows = [
            (*row, over[name]) for row, name in zip(rows, names, strict=True)
        ]
        echo(table(("score", "%", "mean over"), rows))
    else:
        echo(table(("score", "%"), rows))
    if "trimap_iou" in scores:
        rows = [(w, percent(iou)) for w, iou in scores["trimap_iou"].items()]
        echo()
        echo(table(("pixels to boundary", "mean IoU %"), rows))


def _leaves_out(over):
    """Whether a mean over "1 of 2 classes" leaves classes out."""
    number, _, total = over.partition(" of ")
    return number != total.removesuffix(" classes")


def find_data(name: str, split: str, labels, channels: int = 3):
    """The dataset that `--data` stands for.

    Args:
        name: The name of a known dataset, or a folder.
        split: The split, for instance `"test"`.
        labels: The labels of the model, which the masks must use. A folder
            without a file `labels.json` is taken to do so.
        channels: Channels of the images that the model takes. Defaults to 3.

    Returns:
        A dataset with `len()` and `[index] -> (image, mask)`.

    Raises:
        UsageError: If there is no such dataset or split, or it has other
            classes than the model.
    """
    from kerasseg import data

    own = Path(name).is_dir() and not Path(name, "labels.json").is_file()
    dataset = data.load(
        name, split, labels=labels if own else None, channels=channels
    )
    if dataset.labels.class_names != labels.class_names:
        raise UsageError(
            f"the model and the data differ in their classes: "
            f"{', '.join(labels.class_names)} and "
            f"{', '.join(dataset.labels.class_names)}"
        )
    return dataset


def _record(args, entry, model, protocol, scores):
    import keras

    import kerasseg

    return {
        "entry": entry.name,
        "data": args.data,
        "split": args.split,
        "protocol": protocol,
        **scores,
        "parameters": model.count_params(),
        "weights_sha256": entry.sha256,
        "command": shlex.join(["kerasseg", *args.argv]),
        "commit": _commit(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "versions": {
            "kerasseg": kerasseg.__version__,
            "keras": keras.__version__,
            "backend": keras.backend.backend(),
            keras.backend.backend(): _version(keras.backend.backend()),
            "python": platform.python_version(),
        },
    }


def _version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _commit():
    """The commit of the checkout that kerasseg runs from, if there is one."""
    package = Path(__file__).resolve().parents[1]

    def git(*arguments):
        return subprocess.run(
            ["git", "-C", str(package), *arguments],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")) != package.parent:
            return None
        changed = git("status", "--porcelain", "--", str(package))
        return git("rev-parse", "HEAD") + ("-changed" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None
