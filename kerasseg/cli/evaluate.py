"""`kerasseg evaluate`: the scores of a model on a data set."""

import argparse
import datetime
import functools
import importlib.metadata
import platform
import shlex
import subprocess
from pathlib import Path

from kerasseg.atomic import atomic_json
from kerasseg.cli.entry import ENTRY_HELP
from kerasseg.cli.entry import find_entry
from kerasseg.cli.entry import load_model
from kerasseg.cli.files import make_folder
from kerasseg.cli.mistakes import UserMistake
from kerasseg.cli.mistakes import user_mistakes
from kerasseg.cli.progress import progress
from kerasseg.cli.tables import percent
from kerasseg.cli.tables import table

ONE_SCALE = "whole image, one scale, no flip, void ignored"
SEVERAL_SCALES = (
    "whole image, softmax averaged over the scales {} with mirror images, "
    "void ignored"
)

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
    """Add the verb to the command.

    Args:
        subparsers: What `add_subparsers` returned.
    """
    parser = subparsers.add_parser(
        "evaluate",
        help="the scores of a model on a data set",
        description="Score a model, with the IoU of each class.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("entry", metavar="ENTRY", help=ENTRY_HELP)
    parser.add_argument(
        "--data",
        metavar="NAME|FOLDER",
        required=True,
        help="a data set (see `kerasseg data`) or a folder in its layout",
    )
    parser.add_argument(
        "--split", default="test", help="the split (default: test)"
    )
    parser.add_argument(
        "--boundaries",
        action="store_true",
        help="score boundaries too: trimap IoU, boundary IoU, boundary F1",
    )
    parser.add_argument(
        "--scales",
        metavar="FACTOR",
        type=float,
        nargs="+",
        help="average over the image and its mirror image at these scales "
        "(default: the image as it is, alone)",
    )
    parser.add_argument(
        "--out", metavar="FILE", help="write the scores as JSON too"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Score the model.

    Args:
        args: The parsed arguments.

    Returns:
        The exit code.
    """
    entry = find_entry(args.entry)
    dataset = find_data(args.data, args.split, entry.labels)
    if args.out:
        make_folder(Path(args.out).expanduser().parent)
    model = load_model(args.entry)
    from kerasseg.training.evaluate import evaluate

    protocol, predict = _protocol(args.scales)
    bar = progress(range(len(dataset) + 1), "scoring", len(dataset))
    next(bar)
    with user_mistakes():
        scores = evaluate(
            model,
            dataset,
            entry.labels,
            progress=lambda _: next(bar),
            boundaries=args.boundaries,
            predict=predict,
        )
    bar.close()
    print(f"{entry.name} on {args.data} {args.split}: {len(dataset)} images")
    print(f"{protocol}\n")
    _print_scores(scores)
    if args.out:
        record = _record(args, entry, model, protocol, scores)
        with user_mistakes():
            atomic_json(Path(args.out).expanduser(), record)
        print(f"\nwritten: {args.out}")
    return 0


def _protocol(scales):
    """How images are predicted: in words, and as a function or `None`."""
    if scales is None:
        return ONE_SCALE, None
    from kerasseg.inference import predict_mask_multi_scale

    if min(scales) <= 0:
        raise UserMistake(f"--scales must be above 0, not {min(scales):g}")
    listed = ", ".join(f"{scale:g}" for scale in scales)
    return SEVERAL_SCALES.format(listed), functools.partial(
        predict_mask_multi_scale, scales=scales, fuse="mean"
    )


def _print_scores(scores):
    rows = [
        (name, percent(iou)) for name, iou in scores["per_class_iou"].items()
    ]
    print(table(("class", "IoU %"), rows))
    print()
    names = [name for name in (*_SUMMARY, *_BOUNDARIES) if name in scores]
    rows = [(name.replace("_", " "), percent(scores[name])) for name in names]
    print(table(("score", "%"), rows))
    if "trimap_iou" in scores:
        rows = [(w, percent(iou)) for w, iou in scores["trimap_iou"].items()]
        print()
        print(table(("pixels to boundary", "mean IoU %"), rows))


def find_data(name: str, split: str, labels):
    """The data set that `--data` stands for.

    Args:
        name: The name of a known data set, or a folder.
        split: The split, for instance `"test"`.
        labels: The labels of the model, which the masks must use. A folder
            without a file `labels.json` is taken to do so.

    Returns:
        A data set with `len()` and `[index] -> (image, mask)`.

    Raises:
        UserMistake: If there is no such data set or split, or it has other
            classes than the model.
    """
    from kerasseg import data

    own = Path(name).is_dir() and not Path(name, "labels.json").is_file()
    with user_mistakes():
        dataset = data.load(name, split, labels=labels if own else None)
    if dataset.labels.class_names != labels.class_names:
        raise UserMistake(
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
