import re

import numpy as np
import pytest
import stand_ins
from PIL import Image

from kerasseg.cli import demo
from kerasseg.cli import demo_images
from kerasseg.cli import demo_page


def test_the_street_is_the_same_each_time():
    street = demo_images.draw_street()
    assert street.shape == (360, 480, 3)
    assert street.dtype == "uint8"
    np.testing.assert_array_equal(street, demo_images.draw_street())
    assert street.std() > 30


def test_discs_come_with_their_masks():
    images, masks = demo_images.draw_discs(6, seed=3)
    assert images.shape == (6, 96, 128, 3)
    assert masks.shape == (6, 96, 128)
    assert images.dtype == masks.dtype == "uint8"
    assert set(np.unique(masks)) == {0, 1}
    again, _ = demo_images.draw_discs(6, seed=3)
    other, _ = demo_images.draw_discs(6, seed=4)
    np.testing.assert_array_equal(images, again)
    assert (images != other).any()


def test_without_data_the_demo_draws(monkeypatch, tmp_path):
    monkeypatch.setenv("KERASSEG_DATA", str(tmp_path))
    (image, source), _ = demo.find_images(None)
    assert source == "a street that this demo drew"
    assert image.shape == (360, 480, 3)


def test_the_photo_of_the_package():
    _, (image, source) = demo.find_images(None)
    assert "CC0" in source
    assert image.shape == (300, 451, 3)
    # It is the cat: more red than blue where its head is.
    red, _, blue = image[100:200, 100:350].mean(axis=(0, 1))
    assert red > blue + 20


def test_an_image_of_the_user(tmp_path):
    Image.new("RGB", (47, 33)).save(tmp_path / "mine.png")
    for image, source in demo.find_images(str(tmp_path / "mine.png")):
        assert image.shape == (33, 47, 3)
        assert "mine.png" in source


@pytest.mark.needs_data("camvid")
def test_with_data_the_demo_takes_an_image_of_it():
    (image, source), _ = demo.find_images(None)
    assert source.startswith("CamVid's test image")
    assert image.shape == (360, 480, 3)


def test_the_page_embeds_its_images_and_escapes_text():
    text = demo_page.page(
        "a < b",
        [
            demo_page.section("1. Segment", "x & y"),
            demo_page.grid(
                [demo_page.figure(np.zeros((33, 47, 3), "uint8"), "small")]
            ),
            demo_page.figure(Image.new("RGB", (4000, 300)), "wide"),
            demo_page.code("kerasseg <verb>"),
            demo_page.report_table("ONNX", [("size", "1 MB")]),
        ],
    )
    assert "<title>a &lt; b</title>" in text
    assert "x &amp; y" in text
    assert "kerasseg &lt;verb&gt;" in text
    assert text.count("data:image/") == 2
    assert 'width="1280" height="96"' in text
    assert not re.search(r'(src|href)="(?!data:)', text)
    assert "prefers-color-scheme: dark" in text
    assert 'name="viewport"' in text


@pytest.mark.parametrize("scale", [1e-3, 0.7, 5.0, 900.0])
def test_curves_stay_inside_the_drawing(scale):
    losses = [scale / i for i in range(1, 24)]
    text = demo_page.curves({"training": losses, "held-out": losses}, "step")
    points = re.findall(r'points="([^"]+)"', text)
    assert len(points) == 2
    x, y = np.array([p.split(",") for p in points[0].split()], float).T
    assert len(x) == 23
    assert (np.diff(x) > 0).all()
    assert (np.diff(y) >= 0).all()
    assert x.min() >= 0
    assert x.max() <= 640
    assert y.min() >= 0
    assert y.max() <= 220


def test_ticks_are_round_and_few():
    for highest in (0.0, 0.004, 0.69, 3.1, 47.0):
        step = demo_page._tick_step(highest)
        assert highest / step <= 6


@pytest.fixture(params=["tiny", pytest.param("own", marks=pytest.mark.nightly)])
def short(request, monkeypatch, tmp_path):
    """Few steps; on a tiny backbone, or at night on that of the entry."""
    if request.param == "tiny":
        for name in (demo.ENTRY, demo.PHOTO_ENTRY):
            stand_ins.tiny_entry(name, monkeypatch, tmp_path)
    monkeypatch.setattr(demo, "EPOCHS", 2)
    monkeypatch.setattr(demo, "TRAIN", 8)
    monkeypatch.setattr(demo, "HELD_OUT", 4)


@pytest.mark.slow
@pytest.mark.export
@pytest.mark.usefixtures("short")
def test_the_whole_demo(run, monkeypatch, tmp_path):
    monkeypatch.delenv("KERASSEG_DATA", raising=False)
    out = tmp_path / "demo"
    result = run("demo", "--out", out)
    assert result.code == 0, result.err
    text = (out / "index.html").read_text()
    for content in ("LiteRT", "ONNX", "mask agreement", "<polyline"):
        assert content in text
    found = {path.name for path in out.iterdir()}
    assert found >= {"discs", "discs.tflite", "discs.onnx"}
    assert found >= {"street_mask.png", "photo_mask.png"}
    again = run("predict", out / "discs", out / "street.png", "--out", out)
    assert again.code == 0


def test_a_failed_export_is_on_the_page_and_in_the_exit_code(
    run, monkeypatch, tmp_path
):
    from kerasseg import export

    def refuse(*args, **kwargs):
        raise export.ExportError("the masks differ")

    def taught(*args):
        labels = demo_images.DISC_CLASSES
        return None, labels, []

    monkeypatch.setattr(demo, "segment", lambda *args: [])
    monkeypatch.setattr(demo, "fine_tune", taught)
    monkeypatch.setattr(export, "to_litert", refuse)
    monkeypatch.setattr(export, "to_onnx", refuse)
    result = run("demo", "--out", tmp_path / "demo")
    assert result.code == 1
    assert "LiteRT: the masks differ; ONNX: the masks differ" in result.err
    assert "the masks differ" in (tmp_path / "demo/index.html").read_text()
