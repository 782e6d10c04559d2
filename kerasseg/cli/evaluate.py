"""`kerasseg evaluate`: the scores of a model on a dataset."""

import argparse
import dataclasses
import datetime
import hashlib
import importlib.metadata
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
from kerasseg.cli.prediction import add_prediction_arguments
from kerasseg.cli.prediction import prediction
from kerasseg.cli.progress import progress
from kerasseg.cli.scores import final_score
from kerasseg.cli.scores import plot_scores
from kerasseg.cli.scores import show_published
from kerasseg.cli.scores import show_scores
from kerasseg.figures import check_drawing
from kerasseg.files import atomic_json
from kerasseg.protocols import PROTOCOLS

_EPILOG = """\
examples:
  kerasseg evaluate lrr_4x --data camvid
  kerasseg evaluate lrr_4x --data camvid --split val --out metrics.json
  kerasseg evaluate lrr_4x --data camvid --boundaries
  kerasseg evaluate lrr_4x --data camvid --scales 0.75 1 1.25
  kerasseg evaluate lrr_4x --protocol camvid
  kerasseg evaluate my_model --data my_folder

A folder of your own holds images/SPLIT/NAME.jpg and masks/SPLIT/NAME.png.
"""


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
        type=name_argument,
        help="a dataset (see `kerasseg data`) or a folder in its layout "
        "(default: that of --protocol)",
    )
    parser.add_argument(
        "--split",
        help="the split (default: that of --protocol, else test)",
    )
    parser.add_argument(
        "--protocol",
        choices=PROTOCOLS,
        help="score as papers did, and print their rows beside the scores",
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
    add_prediction_arguments(parser)
    parser.add_argument(
        "--out",
        metavar="FILE",
        type=path_argument,
        help="also write the scores as JSON",
    )
    parser.add_argument(
        "--plot",
        metavar="FILE.png",
        type=path_argument,
        help="also draw the confusion matrix and, with --boundaries, the mean "
        "IoU over the distance to a boundary (extra train)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Evaluates the model.

    Args:
        args: The parsed arguments.

    Returns:
        The exit code.
    """
    protocol = _follow(args)
    way, predict = prediction(args, protocol)
    entry = find_entry(args.entry)
    dataset = find_data(
        args.data, args.split, entry.labels, entry.image_shape[2]
    )
    if args.orientation:
        dataset = _oriented(dataset, args)
    if args.out:
        output_file(args.out)
    if args.plot:
        check_drawing()
        output_file(args.plot)
    model = load_model(entry.origin or args.entry)
    scores = _scored(model, entry, dataset, args, predict)
    if protocol and protocol.final_score:
        scores["final_score"] = final_score(scores)
    echo(f"{entry.name} on {args.data} {args.split}: {len(dataset)} images")
    echo(f"{way}\n")
    show_scores(scores)
    if protocol:
        show_published(protocol)
    if args.plot:
        plot_scores(scores, args.plot, f"{entry.name}, {args.split}")
        echo(f"\nwritten: {args.plot}")
    if args.out:
        atomic_json(args.out, _record(args, entry, model, way, scores))
        echo(f"\nwritten: {args.out}")
    return 0


def _scored(model, entry, dataset, args, predict):
    """The scores, and the hash of what was scored."""
    from kerasseg.training.evaluate import evaluate

    # What one of the two ignores is not scored, though the other counts it.
    ignored = entry.labels.ignore_classes + dataset.labels.ignore_classes
    hashed = _Hashed(dataset)
    bar = progress(range(len(dataset) + 1), "scoring", len(dataset))
    next(bar)
    scores = evaluate(
        model,
        hashed,
        dataclasses.replace(entry.labels, ignore_classes=ignored),
        progress=lambda _: next(bar),
        boundaries=args.boundaries,
        predict=predict,
        image_size=_image_size(entry),
    )
    bar.close()
    return {**scores, "data_sha256": hashed.hexdigest()}


def _follow(args):
    """The protocol that was asked for; completes the arguments by it."""
    protocol = PROTOCOLS.get(args.protocol)
    if protocol is None and args.data is None:
        raise UsageError("give the data with --data, or a --protocol")
    args.data = args.data or protocol.data
    args.split = args.split or (protocol.split if protocol else "test")
    return protocol


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


def _image_size(entry):
    """Height and width that the model was made for, if they are known."""
    size = tuple(entry.image_shape[:2])
    return None if size == (None, None) else size


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


def _record(args, entry, model, way, scores):
    import keras

    import kerasseg

    return {
        "entry": entry.name,
        "data": args.data,
        "split": args.split,
        "protocol": way,
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
