"""Plots of loss and scores over the epochs."""

import csv
import math
from pathlib import Path

from kerasseg.figures import check_drawing
from kerasseg.figures import new_figure
from kerasseg.figures import save_figure


def plot_curves(log: Path, path: Path, title: str = "") -> None:
    """Draws the columns of a training log against the epoch.

    Losses share one panel, scores (between 0 and 1) another.

    Args:
        log: CSV file as `keras.callbacks.CSVLogger` writes it.
        path: PNG file to write.
        title: Heading. Defaults to none.

    Raises:
        ImportError: If matplotlib is not installed.
        ValueError: If the log holds no epoch.
    """
    check_drawing()
    with Path(log).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        raise ValueError(f"`log` must hold an epoch. Received: log={log}")
    # Keras writes columns of NA for a validation that does not take place.
    names = [
        name
        for name in rows[0]
        if name not in ("epoch", "learning_rate")
        and not all(math.isnan(_number(row[name])) for row in rows)
    ]
    panels = {
        "loss": [n for n in names if "loss" in n],
        "score": [n for n in names if "loss" not in n],
    }
    panels = {label: names for label, names in panels.items() if names}
    figure = new_figure((5 * len(panels), 3.5))
    for axes, (label, columns) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0],
        panels.items(),
        strict=True,
    ):
        for column in columns:
            points = [(int(r["epoch"]) + 1, _number(r[column])) for r in rows]
            axes.plot(*zip(*points, strict=True), label=column)
        axes.set(xlabel="epoch", ylabel=label)
        axes.grid(alpha=0.3)
        axes.legend()
    figure.suptitle(title)
    save_figure(figure, path)


def _number(text):
    try:
        return float(text)
    except (TypeError, ValueError):
        return math.nan
