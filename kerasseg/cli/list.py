"""`kerasseg list`: the entries of the zoo."""

import argparse

from kerasseg.cli.output import echo
from kerasseg.cli.tables import percent
from kerasseg.cli.tables import table
from kerasseg.files import json_text


def add_parser(subparsers) -> None:
    """Adds the verb to the command.

    Args:
        subparsers: What `add_subparsers` returned.
    """
    parser = subparsers.add_parser(
        "list",
        help="the entries of the zoo",
        description="A table of the trained models: size, scores, classes, "
        "terms. `kerasseg info ENTRY` has the terms in full.",
    )
    parser.add_argument(
        "--all",
        action="store_true",
        help="also list architectures without weights",
    )
    parser.add_argument(
        "--json", action="store_true", help="print JSON instead of a table"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints the table.

    Args:
        args: The parsed arguments.

    Returns:
        The exit code.
    """
    from kerasseg.zoo import info
    from kerasseg.zoo import names

    entries = [info(name) for name in names()]
    if not args.all:
        entries = [entry for entry in entries if entry.is_trained]
    if args.json:
        echo(json_text([_record(entry) for entry in entries]).rstrip())
        return 0
    header = (
        "entry",
        "trainable parameters",
        "mean IoU %",
        "boundary F1 %",
        "classes",
        "trained on",
        "terms of the training data",
    )
    rows = [
        (
            entry.name,
            entry.parameters,
            percent(entry.scores.get("mean_iou")),
            percent(entry.scores.get("boundary_f1")),
            entry.labels.num_classes,
            entry.dataset if entry.is_trained else "architecture only",
            entry.terms or None,
        )
        for entry in entries
    ]
    echo(table(header, rows))
    return 0


def _record(entry):
    return {
        "name": entry.name,
        "title": entry.title,
        "parameters": entry.parameters,
        "mean_iou": entry.scores.get("mean_iou"),
        "boundary_f1": entry.scores.get("boundary_f1"),
        "num_classes": entry.labels.num_classes,
        "dataset": entry.dataset,
        "trained": entry.is_trained,
        "license_weights": entry.license_weights,
        "license_data": entry.license_data,
    }
