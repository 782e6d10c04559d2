"""`kerasseg evaluate`: the scores of a model on a dataset."""

import argparse
import dataclasses

from kerasseg.cli.dataset import find_data
from kerasseg.cli.entry import ENTRY_HELP
from kerasseg.cli.entry import find_entry
from kerasseg.cli.entry import load_model
from kerasseg.cli.errors import UsageError
from kerasseg.cli.evaluate_prediction import add_prediction_arguments
from kerasseg.cli.evaluate_prediction import prediction
from kerasseg.cli.evaluate_record import HashedDataset
from kerasseg.cli.evaluate_record import evaluation_record
from kerasseg.cli.files import name_argument
from kerasseg.cli.files import output_file
from kerasseg.cli.files import path_argument
from kerasseg.cli.files import text_argument
from kerasseg.cli.output import echo
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
        type=text_argument,
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
    parser.add_argument(
        "--void-outline",
        metavar="PIXELS",
        type=int,
        help="with --boundaries: width of the void that outlines objects in "
        "the masks, which is given to the nearest class (default: that of the "
        "dataset, 7 for voc and animals, else 0)",
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
    if args.void_outline is not None and not args.boundaries:
        raise UsageError("--void-outline is for --boundaries, which is not set")
    outline = _void_outline(args)
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
        output_file(args.plot, ".png")
    model = load_model(entry.origin or args.entry)
    if outline:
        way += f"; for boundaries, void outlines of {outline} pixels filled"
    scores = _scored(model, entry, dataset, args, predict, outline)
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
        atomic_json(
            args.out, evaluation_record(args, entry, model, way, scores)
        )
        echo(f"\nwritten: {args.out}")
    return 0


def _void_outline(args):
    """Width of the outlines of void to fill, 0 without boundary scores."""
    if not args.boundaries:
        return 0
    if args.void_outline is not None:
        if args.void_outline < 0:
            raise UsageError(
                "argument --void-outline: must be 0 or more pixels, not "
                f"{args.void_outline}"
            )
        return args.void_outline
    from kerasseg.data.sources import SOURCES

    source = SOURCES.get(args.data)
    return source.void_outline if source else 0


def _scored(model, entry, dataset, args, predict, outline):
    """The scores, and the hash of what was scored."""
    from kerasseg.training.evaluate import evaluate

    # What one of the two ignores is not scored, though the other counts it.
    ignored = entry.labels.ignore_classes + dataset.labels.ignore_classes
    hashed = HashedDataset(dataset)
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
        void_outline=outline,
    )
    bar.close()
    return {**scores, "data_sha256": hashed.hexdigest()}


def _follow(args):
    """The protocol that was asked for; completes the arguments by it."""
    protocol = PROTOCOLS.get(args.protocol)
    if protocol is None and args.data is None:
        raise UsageError("give the data with --data, or a --protocol")
    args.data = args.data or protocol.data
    if args.split is None:
        args.split = protocol.split if protocol else "test"
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


def _image_size(entry):
    """Height and width that the model was made for, if they are known."""
    size = tuple(entry.image_shape[:2])
    return None if size == (None, None) else size
