"""`kerasseg info`: all that is known about one entry."""

import argparse

from kerasseg.cli.entry import ENTRY_HELP
from kerasseg.cli.entry import find_entry
from kerasseg.cli.output import echo
from kerasseg.cli.tables import fields
from kerasseg.cli.tables import percent
from kerasseg.score_titles import score_title


def add_parser(subparsers) -> None:
    """Adds the verb to the command.

    Args:
        subparsers: What `add_subparsers` returned.
    """
    parser = subparsers.add_parser(
        "info",
        help="all that is known about one entry",
        description="The record of an entry: classes, scores, provenance.",
    )
    parser.add_argument("entry", metavar="ENTRY", help=ENTRY_HELP)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints the record.

    Args:
        args: The parsed arguments.

    Returns:
        The exit code.
    """
    entry = find_entry(args.entry)
    labels = entry.labels
    shape = " x ".join(str(side or "any") for side in entry.image_shape[:2])
    shape += " pixels (height x width)"
    if entry.image_shape[:2] == (None, None):
        shape = None
    channels = entry.image_shape[2]
    echo(
        fields(
            [
                ("entry", entry.name),
                ("title", entry.title),
                ("builder", _call(entry.builder, entry.arguments)),
                ("backbone", _call(entry.backbone, entry.backbone_arguments)),
                ("trainable parameters", entry.parameters),
                ("trained at", shape),
                ("channels", None if channels == 3 else channels),
                ("classes", _classes(labels)),
                ("ignored ids", ", ".join(map(str, labels.ignore_classes))),
                ("scores", _scores(entry.scores)),
                ("data", entry.dataset),
                (
                    "weights",
                    entry.weights if entry.is_trained else "no trained weights",
                ),
                ("sha256", entry.sha256),
                ("from", entry.origin),
                ("license, weights", entry.license_weights),
                ("license, data", entry.license_data),
                ("provenance", entry.provenance),
                ("paper", entry.paper),
            ]
        )
    )
    return 0


def _call(function, arguments):
    if not function:
        return None
    inside = ", ".join(f"{k}={v!r}" for k, v in (arguments or {}).items())
    return f"{function}({inside})"


def _classes(labels):
    return "\n".join(
        f"{i:3d}  #{red:02x}{green:02x}{blue:02x}  {name}"
        for i, (name, (red, green, blue)) in enumerate(
            zip(labels.class_names, labels.palette, strict=True)
        )
    )


def _scores(scores):
    return "\n".join(
        f"{score_title(name)}: "
        f"{percent(value) + ' %' if isinstance(value, float) else value}"
        for name, value in (scores or {}).items()
    )
