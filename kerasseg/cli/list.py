"""`kerasseg list`: the entries of the zoo."""

import argparse
import json

from kerasseg.cli.tables import percent
from kerasseg.cli.tables import table


def add_parser(subparsers) -> None:
    """Add the verb to the command.

    Args:
        subparsers: What `add_subparsers` returned.
    """
    parser = subparsers.add_parser(
        "list",
        help="the entries of the zoo",
        description="A table of the entries: size, score, classes, licence.",
    )
    parser.add_argument(
        "--json", action="store_true", help="print JSON instead of a table"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the table.

    Args:
        args: The parsed arguments.

    Returns:
        The exit code.
    """
    from kerasseg import zoo

    entries = [zoo.info(name) for name in zoo.names()]
    if args.json:
        print(json.dumps([_record(entry) for entry in entries], indent=2))
        return 0
    header = (
        "entry",
        "parameters",
        "mIoU %",
        "classes",
        "trained on",
        "licence of the weights",
    )
    rows = [
        (
            entry.name,
            entry.parameters,
            percent(mean_iou(entry)),
            entry.labels.num_classes,
            entry.dataset if entry.is_trained else "not trained yet",
            _in_short(entry.license_weights) if entry.is_trained else None,
        )
        for entry in entries
    ]
    print(table(header, rows))
    return 0


def mean_iou(entry) -> float | None:
    """The mean IoU that an entry's record states.

    Args:
        entry: `kerasseg.zoo.Entry`.

    Returns:
        A share in 0..1, or `None` where none was measured.
    """
    return (entry.scores or {}).get("mean_iou")


def _in_short(terms):
    """Terms of use up to the first comma; `kerasseg info` has the rest."""
    head, comma, _ = terms.partition(",")
    return f"{head} (see info)" if comma else head


def _record(entry):
    return {
        "name": entry.name,
        "title": entry.title,
        "parameters": entry.parameters,
        "mean_iou": mean_iou(entry),
        "num_classes": entry.labels.num_classes,
        "dataset": entry.dataset,
        "trained": entry.is_trained,
        "license_weights": entry.license_weights,
        "license_data": entry.license_data,
    }
