"""Scores as `kerasseg evaluate` prints and draws them."""

from kerasseg.cli.output import echo
from kerasseg.cli.tables import percent
from kerasseg.cli.tables import table
from kerasseg.figures import new_figure
from kerasseg.figures import save_figure
from kerasseg.score_titles import score_title

_SUMMARY = (
    "mean_iou",
    "mean_accuracy",
    "pixel_accuracy",
    "frequency_weighted_iou",
    "final_score",
)
_BOUNDARIES = ("boundary_iou", "boundary_f1")


def final_score(scores: dict) -> float | None:
    """The mean of mean IoU and pixel accuracy, the score of ADE20K.

    Args:
        scores: What `kerasseg.training.evaluate.evaluate` returned.

    Returns:
        The mean, in 0..1, or `None` where one of the two is.
    """
    both = scores["mean_iou"], scores["pixel_accuracy"]
    return None if None in both else sum(both) / 2


def show_scores(scores: dict) -> None:
    """Prints tables of the scores.

    Args:
        scores: What `kerasseg.training.evaluate.evaluate` returned.
    """
    rows = [
        (name, percent(iou)) for name, iou in scores["per_class_iou"].items()
    ]
    echo(table(("class", "IoU %"), rows))
    echo()
    names = [name for name in (*_SUMMARY, *_BOUNDARIES) if name in scores]
    rows = [(score_title(name), percent(scores[name])) for name in names]
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


def show_published(protocol) -> None:
    """Prints the published rows of a protocol.

    Args:
        protocol: `kerasseg.protocols.Protocol`.
    """
    echo(f"\npublished for {protocol.title}:")
    names = [n for n in _SUMMARY if any(n in r.scores for r in protocol.rows)]
    rows = [
        (
            row.method,
            *(percent(_share(row.scores.get(name))) for name in names),
            row.remark,
        )
        for row in protocol.rows
    ]
    titles = [f"{name.replace('_', ' ')} %" for name in names]
    echo(table(("method", *titles, "remark"), rows))
    for source in dict.fromkeys(row.source for row in protocol.rows):
        echo(f"from {source}")
    if protocol.note:
        echo(protocol.note)


def _share(score):
    return None if score is None else score / 100


def plot_scores(scores: dict, path, title: str = "") -> None:
    """Draws the confusion matrix, and the trimap curve where there is one.

    Args:
        scores: What `kerasseg.training.evaluate.evaluate` returned.
        path: PNG file to write.
        title: Heading. Defaults to none.

    Raises:
        ImportError: If matplotlib is not installed.
    """
    import numpy as np

    curve = scores.get("trimap_iou")
    names = list(scores["per_class_iou"])
    matrix = np.array(scores["confusion_matrix"], dtype="float64")
    matrix /= np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    side = max(4, 0.28 * len(names))
    figure = new_figure((side + 2 + 5 * bool(curve), side + 1))
    panels = figure.subplots(1, 1 + bool(curve), squeeze=False)[0]
    axes = panels[0]
    shown = axes.imshow(100 * matrix, vmin=0, vmax=100, cmap="viridis")
    places = range(len(names))
    axes.set_xticks(places, names, rotation=90)
    axes.set_yticks(places, names)
    axes.set(xlabel="predicted", ylabel="label")
    figure.colorbar(shown, ax=axes, label="% of the pixels of a label")
    if curve:
        points = [(int(w), 100 * v) for w, v in curve.items() if v is not None]
        panels[1].plot(*zip(*points, strict=True), marker="o")
        panels[1].set(xlabel="pixels to a boundary", ylabel="mean IoU %")
        panels[1].grid(alpha=0.3)
    figure.suptitle(title)
    save_figure(figure, path)
