import numpy as np
import pytest
from PIL import Image

from kerasseg.data.image import read_mask


def listed(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_gives_masks_and_overlays(
    run, channels_entry, photographs, tmp_path
):
    out = tmp_path / "out"
    result = run("predict", channels_entry, photographs, "--out", out)
    assert result.code == 0
    assert listed(out) == [
        "a_mask.png",
        "a_overlay.jpg",
        "b_mask.png",
        "b_overlay.jpg",
    ]
    assert f"2 of 2 images: mask and overlay in {out}" in result.out
    assert "left out: " in result.err
    assert "notes.txt" in result.err
    for name in "ab":
        image = np.asarray(Image.open(photographs / f"{name}.png"))
        mask = read_mask(out / f"{name}_mask.png")
        np.testing.assert_array_equal(mask, image.argmax(-1))


def test_the_mask_shows_the_colours_of_the_classes(
    run, channels_entry, photographs, tmp_path
):
    image = photographs / "a.png"
    result = run(
        "predict", channels_entry, image, "--mask", "--out", tmp_path / "out"
    )
    assert result.code == 0
    assert listed(tmp_path / "out") == ["a_mask.png"]
    colours = Image.open(tmp_path / "out/a_mask.png").convert("RGB")
    expected = 255 * np.eye(3)[np.asarray(Image.open(image)).argmax(-1)]
    np.testing.assert_array_equal(np.asarray(colours), expected)


def test_broken_images_are_told_at_the_end(
    run, channels_entry, photographs, tmp_path
):
    whole = (photographs / "a.png").read_bytes()
    (photographs / "cut.png").write_bytes(whole[: len(whole) // 2])
    (photographs / "text.jpg").write_text("no image")
    Image.new("RGB", (31, 40)).save(photographs / "tiny.png")
    out = tmp_path / "out"
    result = run(
        "predict", channels_entry, photographs, "--overlay", "--out", out
    )
    assert result.code == 1
    assert listed(out) == ["a_overlay.jpg", "b_overlay.jpg"]
    assert "2 of 5 images" in result.out
    told = [line for line in result.err.splitlines() if "broken: " in line]
    assert len(told) == 3
    for name, line in zip(("cut", "text", "tiny"), told, strict=True):
        assert f"{name}." in line
    assert "at least 32 pixels" in told[2]


def test_several_scales(run, channels_entry, photographs, tmp_path):
    out = tmp_path / "out"
    result = run(
        "predict",
        channels_entry,
        photographs / "a.png",
        "--multi-scale",
        "--out",
        out,
    )
    assert result.code == 0
    assert read_mask(out / "a_mask.png").shape == (33, 47)


def test_an_image_is_never_overwritten(run, channels_entry, photographs):
    (photographs / "a.png").rename(photographs / "b_mask.png")
    result = run("predict", channels_entry, photographs, "--out", photographs)
    assert result.code == 2
    assert "b_mask.png is one of the images" in result.err


@pytest.mark.parametrize(
    ("entry", "image", "message"),
    [
        ("lrr_5x", "a.png", "Did you mean"),
        (None, "none.png", "no such file or folder"),
        (None, "*.tif", "no images in the pattern"),
    ],
)
def test_mistakes_are_one_line(
    run, channels_entry, photographs, entry, image, message
):
    result = run("predict", entry or channels_entry, photographs / image)
    assert result.code == 2
    assert message in result.err
    assert result.err.count("\n") == 1


def test_a_folder_that_cannot_be_written_is_a_mistake(
    run, channels_entry, photographs
):
    out = photographs / "a.png" / "out"
    result = run("predict", channels_entry, photographs, "--out", out)
    assert result.code == 2
    assert "cannot make the folder" in result.err
