import json

import numpy as np
import pytest
from PIL import Image

from kerasseg.cli import data_page
from kerasseg.cli.main import build_parser
from kerasseg.data import Labels
from kerasseg.data import SegmentationFolder
from kerasseg.data import check


@pytest.fixture
def labeled(brightest_data):
    names = {"class_names": ["red", "green", "blue"]}
    (brightest_data / "labels.json").write_text(json.dumps(names))
    return brightest_data


def test_a_dataset_without_errors(run, labeled):
    result = run("data", "check", labeled)
    assert result.code == 0
    assert "test         3  33x47           RGB     L" in result.out
    assert "  0  red" in result.out
    assert "255  (void)" in result.out
    assert "class weights by median frequency in test:" in result.out
    assert result.out.endswith("\n0 error(s), 0 warning(s)\n")
    assert result.err == ""


def test_errors_are_named(run, labeled):
    mask = labeled / "masks/test/0.png"
    Image.fromarray(np.full((33, 47), 9, "uint8")).save(mask)
    for flags in ([], ["--quick"]):
        result = run("data", "check", labeled, *flags)
        assert result.code == 1
        assert "error: unknown_ids: 1 mask of 'test' holds ids" in result.out
        assert "  9  (unknown)" in result.out
        assert result.out.endswith("\n1 error(s), 0 warning(s)\n")
    assert "Only these masks were read: 3 of test." in result.out


def test_a_warning_is_no_error(run, brightest_data):
    result = run("data", "check", brightest_data)
    assert result.code == 0
    assert "warning: labels: " in result.out


def test_the_report_as_json(run, labeled):
    result = run("data", "check", labeled, "--json")
    report = json.loads(result.out)
    assert report["splits"]["test"]["sizes"] == {"33x47": 3}
    assert report["labels"]["class_names"] == ["red", "green", "blue"]
    assert len(report["class_weights"]) == 3
    assert report["problems"] == []


def test_it_does_not_collide_with_names(run, labeled, monkeypatch):
    assert build_parser().parse_args(["data", "camvid"]).name == "camvid"
    monkeypatch.chdir(labeled.parent)
    labeled.rename(labeled.parent / "check")
    assert run("data", "check", "check").code == 0


def test_usage_errors_are_one_line(run, tmp_path):
    for words in ((), ("none",), ("a", "b"), (tmp_path, "--html")):
        result = run("data", "check", *words)
        assert result.code == 2
        assert result.err.count("\n") == 1
    assert run("data", "check", tmp_path).code == 1


def test_a_dataset_of_tfds_that_is_not_prepared(run, tmp_path, monkeypatch):
    pytest.importorskip("tensorflow_datasets")
    monkeypatch.setattr("tensorflow_datasets.core.constants.DATA_DIR", tmp_path)
    result = run("data", "check", "tfds:oxford_iiit_pet")
    assert result.code == 2
    assert "tfds build oxford_iiit_pet" in result.err
    assert run("data", "check", "tfds:nonsense").code == 2


def test_help_has_examples(run):
    result = run("data", "check", "--help")
    assert result.code == 0
    assert "kerasseg data check camvid" in result.out


def test_the_page_shows_images_and_problems(run, labeled, tmp_path):
    ids = np.zeros((33, 47), "uint8")
    ids[:9] = 9
    Image.fromarray(ids).save(labeled / "masks/test/0.png")
    Image.fromarray(ids[:20]).save(labeled / "masks/test/1.png")
    Image.fromarray(ids).save(labeled / "images/test/<b>.png")
    (labeled / "masks/test/<b>.png").write_text("no image")
    page = tmp_path / "report.html"
    result = run("data", "check", labeled, "--html", page)
    assert result.code == 1
    assert f"written: {page}\n" in result.out
    text = page.read_text(encoding="utf-8")
    for name in ("unknown_ids", "sizes_differ", "unreadable"):
        assert f"error: {name}" in text
    # Three of each problem or split, but for the one that cannot be read.
    assert text.count("<img ") == 2 + 1 + 3
    assert "&lt;b&gt;.png: Cannot read" in text
    assert "<b>.png" not in text
    # It refers to nothing outside.
    assert "src=" not in text.replace('src="data:', "")
    assert "http" not in text


def test_the_page_heeds_an_orientation_that_was_chosen(
    brightest_data, tmp_path, monkeypatch
):
    sizes = set()

    def beside(image, mask, labels):
        sizes.add((image.shape[:2], mask.shape))
        return Image.new("RGB", (4, 4))

    monkeypatch.setattr(data_page, "_beside", beside)
    for path in (brightest_data / "images/test").iterdir():
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.open(path).save(path, exif=exif)
    labels = Labels(("red", "green", "blue"))
    data = SegmentationFolder(brightest_data, "test", labels)
    for choice, size in (("stored", (33, 47)), ("exif", (47, 33))):
        sizes.clear()
        report = check(data.with_orientation(choice))
        data_page.write_page(report, tmp_path / "page.html")
        assert sizes == {(size, (33, 47))}


def test_the_page_of_a_dataset_without_problems(run, labeled, tmp_path):
    page = tmp_path / "new" / "report.html"
    result = run("data", "check", labeled, "--html", page, "--json")
    assert result.code == 0
    assert json.loads(result.out)["problems"] == []
    text = page.read_text(encoding="utf-8")
    assert "None was found." in text
    assert text.count("<img ") == 3
    assert run("data", "check", labeled, "--html", tmp_path).code == 2
