import logging
import re

import numpy as np
import pytest

from kerasseg.data import Labels
from kerasseg.training import evaluate
from kerasseg.training import fit
from kerasseg.training.report import write_report

SIZE = (36, 44)
LABELS = Labels(("red", "green & <b>", "blue"))


@pytest.fixture
def page(model, draw, tmp_path):
    def write(count=8, **options):
        samples = draw(count, SIZE, seed=3)
        path = tmp_path / "report.html"
        result = write_report(path, model(), samples, LABELS, **options)
        return path.read_text(encoding="utf-8"), result, samples

    return write


def test_the_page_shows_scores_classes_and_images(page):
    text, result, _ = page(title="a <title>", facts={"epochs": "3"})
    assert "<h1>a &lt;title&gt;</h1>" in text
    assert f"{100 * result['mean_iou']:.2f} %" in text
    for iou in result["per_class_iou"].values():
        assert f"<td>{100 * iou:.2f} %</td>" in text
    assert "green &amp; &lt;b&gt;" in text
    assert "<th>epochs</th><td>3</td>" in text
    matrix = np.array(result["confusion_matrix"], "float64")
    shares = 100 * matrix / matrix.sum(axis=1, keepdims=True)
    cells = re.findall(r"rgba\([^)]*\)\">([\d.]+)</td>", text)
    np.testing.assert_allclose(
        [float(cell) for cell in cells], shares.ravel(), atol=0.051
    )
    # Three images, each with mask and prediction, of the best and the worst.
    assert text.count("data:image/jpeg;base64,") == 18
    assert text.count("<figure>") == 6


def test_the_page_loads_nothing(page):
    text, _, _ = page()
    assert "http" not in text
    assert "<script" not in text
    assert set(re.findall(r'src="(\w+):', text)) == {"data"}


def test_images_are_ranked(page, model):
    text, _, samples = page()
    shown = re.findall(r"image (\d+): ([\d.]+) %", text)
    scores = [float(score) for _, score in shown]
    assert scores[:3] == sorted(scores[:3], reverse=True)
    assert scores[3:] == sorted(scores[3:])
    assert min(scores[:3]) >= max(scores[3:])


@pytest.mark.parametrize("ignored", [(255,), (1, 255)])
def test_the_scores_of_an_image_are_those_of_evaluate(
    draw, model, tmp_path, ignored
):
    samples, tiny = draw(2, SIZE), model()
    path = tmp_path / "report.html"
    labels = Labels(LABELS.class_names, ignore_classes=ignored)
    write_report(path, tiny, samples, labels)
    for index, score in re.findall(
        r"image (\d+): ([\d.]+) %", path.read_text(encoding="utf-8")
    ):
        alone = evaluate(tiny, [samples[int(index)]], labels)["mean_iou"]
        assert float(score) == pytest.approx(100 * alone, abs=0.006)


def test_an_image_without_labels_is_not_ranked(draw, model, tmp_path):
    samples = draw(2, SIZE)
    samples[0][1][:] = 255
    path = tmp_path / "report.html"
    write_report(path, model(), samples, LABELS)
    text = path.read_text(encoding="utf-8")
    assert "image 0:" not in text
    assert "image 1:" in text


def test_a_run_leaves_a_report(make_recipe, draw, tmp_path):
    recipe = make_recipe(
        labels=LABELS, validation=lambda: draw(3, SIZE, seed=2)
    )
    fit(recipe, tmp_path / "run", verbose=0)
    text = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "<h1>tiny</h1>" in text
    assert "<th>optimizer.learning_rate</th><td>0.03</td>" in text
    drawn = (tmp_path / "run" / "curves.png").exists()
    assert ("Training curves" in text) == drawn
    fit(recipe, tmp_path / "quiet", verbose=0, report=False)
    assert not (tmp_path / "quiet" / "report.html").exists()


def test_a_report_that_fails_does_not_lose_the_training(
    make_recipe, draw, tmp_path, caplog
):
    recipe = make_recipe(
        labels=LABELS, validation=lambda: draw(3, SIZE, seed=2)
    )
    (tmp_path / "report.html").mkdir()
    with caplog.at_level(logging.WARNING, logger="kerasseg"):
        model = fit(recipe, tmp_path, verbose=0)
    assert model.output_shape[-1] == 3
    assert "report.html could not be written" in caplog.text
