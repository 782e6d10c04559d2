"""The page on a finished training: one file with all that it shows."""

import base64
import html
import io
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerasseg.files import atomic_file
from kerasseg.inference import overlay
from kerasseg.inference import predict_logits
from kerasseg.labels import Labels
from kerasseg.metrics.scores import confusion_matrix
from kerasseg.metrics.scores import scores
from kerasseg.training.evaluate import evaluate

# Images shown of the best and of the worst, and their longest side.
_SHOWN = 3
_SIDE = 360

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem;
       margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff; }
table { border-collapse: collapse; } td, th { padding: 2px 8px; }
td { text-align: right; } th { text-align: left; font-weight: 500; }
.bar { display: inline-block; height: .8em; background: #4477aa; }
.wide { width: 22rem; text-align: left; } .scroll { overflow-x: auto; }
figure { margin: 1rem 0; } figure img { max-width: 32%; }
img { max-width: 100%; }
"""


def write_report(
    path: Path,
    model: keras.Model,
    dataset: Any,
    labels: Labels,
    title: str = "",
    curves: Path | None = None,
    facts: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Scores a model on validation data and writes a page on it.

    The page shows the training curves, the IoU of each class, the confusion
    matrix as shares of each class, and the best and worst images with the
    mask and the prediction over them. It loads nothing from elsewhere.

    Args:
        path: HTML file to write.
        model: The trained model.
        dataset: Sequence of `(image, mask)`.
        labels: Classes, and ids that are not scored.
        title: Heading. Defaults to none.
        curves: PNG file of the training curves, left out where it does not
            exist. Defaults to `None`.
        facts: What the recipe said, by name. Defaults to none.

    Returns:
        The scores, see `evaluate`.

    Raises:
        OSError: If the page cannot be written; an older one is then intact.
        ValueError: See `evaluate`.
    """
    watched = _Watched(dataset, labels)
    result = evaluate(model, watched, labels, predict=watched.predict)
    sections = [
        _summary(result),
        _curves(curves),
        _bars(result["per_class_iou"]),
        _matrix(np.array(result["confusion_matrix"]), labels),
        *_images(watched.ranked(), model, dataset, labels),
        _facts(facts or {}),
    ]
    title = html.escape(title or "Training")
    page = (
        f'<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n"
        f"<h1>{title}</h1>\n"
        + "\n".join(filter(None, sections))
        + "\n</html>\n"
    )
    with atomic_file(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return result


class _Watched:
    """A dataset that scores each image while all are evaluated."""

    def __init__(self, dataset, labels):
        self._dataset = dataset
        self._labels = labels
        self._mask = None
        self._index = None
        self._scores = {}

    def __len__(self):
        return len(self._dataset)

    def __getitem__(self, index):
        image, self._mask = self._dataset[index]
        self._index = index
        return image, self._mask

    def predict(self, model, image):
        predicted = _predict(model, image)
        score = _mean_iou(self._mask, predicted, self._labels)
        if score is not None:
            self._scores[self._index] = score
        return predicted

    def ranked(self):
        """`(score, index)` of the images with labels, the best first."""
        pairs = ((score, index) for index, score in self._scores.items())
        return sorted(pairs, key=lambda pair: (-pair[0], pair[1]))


def _predict(model, image):
    return np.argmax(predict_logits(model, image), axis=-1)


def _mean_iou(mask, predicted, labels):
    """The mean IoU of one image; `None` where nothing is labeled."""
    if mask.shape != predicted.shape:
        return None
    ignored = labels.ignore_classes
    matrix = confusion_matrix(mask, predicted, labels.num_classes, ignored)
    score = scores(matrix, ignored=ignored)["mean_iou"]
    return None if np.isnan(score) else score


def _summary(result):
    names = ("mean_iou", "pixel_accuracy", "mean_accuracy")
    cells = "".join(
        f"<tr><th>{name.replace('_', ' ')}</th>"
        f"<td>{_percent(result[name])}</td></tr>"
        for name in names
    )
    notes = "".join(f"<p>{html.escape(note)}</p>" for note in result["notes"])
    return (
        f"<h2>Validation: {result['images']} images</h2>"
        f"<table>{cells}</table>{notes}"
    )


def _percent(score):
    return "-" if score is None or np.isnan(score) else f"{100 * score:.2f} %"


def _curves(image):
    if image is None or not image.exists():
        return ""
    return f"<h2>Training curves</h2>{_img(image.read_bytes(), 'png')}"


def _bars(per_class_iou):
    rows = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{_percent(iou)}</td>"
        f'<td class="wide"><span class="bar" style="width: '
        f'{100 * (iou or 0):.1f}%"></span></td></tr>'
        for name, iou in per_class_iou.items()
    )
    return f"<h2>IoU of each class</h2><table>{rows}</table>"


def _matrix(matrix, labels):
    names = [html.escape(name) for name in labels.class_names]
    totals = np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    head = "".join(f"<th>{name}</th>" for name in names)
    rows = "".join(
        f"<tr><th>{name}</th>{''.join(map(_cell, shares))}</tr>"
        for name, shares in zip(names, matrix / totals, strict=True)
    )
    return (
        "<h2>Confusion matrix</h2><p>Of the pixels of each class (rows), the "
        "share that was predicted as each class (columns), in percent.</p>"
        f'<div class="scroll"><table><tr><th></th>{head}</tr>{rows}</table>'
        "</div>"
    )


def _cell(share):
    return (
        f'<td style="background: rgba(68, 119, 170, {0.7 * share:.3f})">'
        f"{100 * share:.1f}</td>"
    )


def _images(ranked, model, dataset, labels):
    best = ranked[:_SHOWN]
    worst = [pair for pair in ranked[::-1][:_SHOWN] if pair not in best]
    for heading, pairs in (("Best images", best), ("Worst images", worst)):
        if not pairs:
            continue
        yield (
            f"<h2>{heading}</h2><p>Image, mask, prediction; the mean IoU of "
            "an image is over the classes that it shows or that are "
            "predicted in it.</p>"
        )
        for score, index in pairs:
            image, mask = dataset[index]
            views = _views(np.asarray(image), mask, model, labels)
            yield (
                f"<figure>{views}<figcaption>image {index}: "
                f"{_percent(score)}</figcaption></figure>"
            )


def _views(image, mask, model, labels):
    """The image, and what is labeled and predicted over it."""
    void = np.full(mask.shape, -1)
    shown = (void, mask, _predict(model, image))
    return "".join(
        _img(_jpeg(overlay(image, ids, labels, legend=index > 0)), "jpeg")
        for index, ids in enumerate(shown)
    )


def _jpeg(image):
    image.thumbnail((_SIDE, _SIDE))
    data = io.BytesIO()
    image.save(data, "JPEG", quality=85)
    return data.getvalue()


def _img(data, kind):
    text = base64.b64encode(data).decode("ascii")
    return f'<img alt="" src="data:image/{kind};base64,{text}">'


def _facts(facts):
    rows = "".join(
        f"<tr><th>{html.escape(name)}</th>"
        f"<td>{html.escape(str(value))}</td></tr>"
        for name, value in facts.items()
    )
    return f"<h2>Recipe</h2><table>{rows}</table>" if rows else ""
