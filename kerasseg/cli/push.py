"""`kerasseg push`: a model uploaded to the Hugging Face Hub."""

import argparse

from kerasseg.cli.entry import ENTRY_HELP
from kerasseg.cli.entry import find_entry
from kerasseg.cli.errors import UsageError
from kerasseg.cli.files import name_argument
from kerasseg.cli.files import path_argument
from kerasseg.cli.files import text_argument
from kerasseg.cli.output import echo
from kerasseg.cli.tables import fields

_EPILOG = """\
examples:
  kerasseg push my_model hf://me/cats --license apache-2.0
  kerasseg push my_model hf://me/cats --metrics metrics.json --private
  kerasseg predict hf://me/cats cat.jpg

metrics.json is what `kerasseg evaluate --out metrics.json` writes; its scores
go into the model card. Log in first with `hf auth login`, or set HF_TOKEN.
"""


def add_parser(subparsers) -> None:
    """Adds the verb to the command.

    Args:
        subparsers: What `add_subparsers` returned.
    """
    parser = subparsers.add_parser(
        "push",
        help="upload a model to Hugging Face",
        description="Upload a model to the Hugging Face Hub, with its card.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "entry", metavar="ENTRY", type=name_argument, help=ENTRY_HELP
    )
    parser.add_argument(
        "repository",
        metavar="hf://USER/NAME",
        help="the repository to upload to, made if there is none",
    )
    parser.add_argument(
        "--license",
        metavar="NAME",
        type=text_argument,
        help="the license of the weights, for instance apache-2.0",
    )
    parser.add_argument(
        "--title",
        metavar="TEXT",
        type=text_argument,
        help="the first line of the card",
    )
    parser.add_argument(
        "--metrics",
        metavar="FILE",
        type=path_argument,
        help="scores for the card, from `kerasseg evaluate --out`",
    )
    parser.add_argument(
        "--branch", default="main", help="the branch (default: main)"
    )
    parser.add_argument(
        "--message",
        metavar="TEXT",
        type=text_argument,
        default="Upload a kerasseg model",
        help="the message of the commit",
    )
    parser.add_argument(
        "--private",
        action="store_true",
        default=None,
        help="make a new repository private",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Uploads the model.

    Args:
        args: The parsed arguments.

    Returns:
        The exit code.
    """
    from kerasseg import zoo

    facts = {}
    if args.metrics:
        facts = _scores(args.metrics, find_entry(args.entry).sha256)
    if args.license:
        facts["license_weights"] = args.license
    if args.title:
        facts["title"] = args.title
    name = zoo.push(
        args.entry,
        args.repository,
        facts,
        private=args.private,
        branch=args.branch,
        message=args.message,
    )
    echo(
        fields(
            [
                ("pushed", args.entry),
                ("to", name),
                ("try it", f"kerasseg predict {name} IMAGE"),
            ]
        )
    )
    return 0


def _scores(path, sha256):
    """What the card says of the scores in a file of `kerasseg evaluate`."""
    from kerasseg.files import read_json

    try:
        measured = read_json(path)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if not isinstance(measured, dict) or "mean_iou" not in measured:
        raise UsageError(
            f"--metrics takes a file of `kerasseg evaluate --out`, not {path}"
        )
    if measured.get("weights_sha256") != sha256:
        raise UsageError(
            f"--metrics {path} are scores of other weights: weights_sha256 "
            f"must be {sha256}, not {measured.get('weights_sha256')}"
        )
    scores = {
        name: value
        for name, value in measured.items()
        if isinstance(value, float) and 0 <= value <= 1
    }
    parts = [measured.get("data"), measured.get("split")]
    facts = {"scores": scores}
    if all(isinstance(part, str) and part for part in parts):
        facts["dataset"] = ", ".join(parts)
    return facts
