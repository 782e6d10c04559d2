import numpy as np
import pytest
from PIL import Image

from kerasseg.data import CAMVID_31
from kerasseg.data import Labels
from kerasseg.data import pairs_in_folders

LABELS = Labels(("a", "b", "c"), ((9, 0, 0), (0, 200, 7), (1, 2, 3)))


def test_sub_folders_and_suffixes(tmp_path, paint):
    for name in ("day/one", "night/one"):
        paint(f"photos/{name}_rgb.JPG")
        paint(f"photos/{name}_L.png", (0, 1, 2, 255))
    data = pairs_in_folders(
        tmp_path / "photos", tmp_path / "photos", LABELS, "_rgb.jpg", "_L.png"
    )
    assert data.names == ["day/one", "night/one"]
    assert data[1][0].shape == (21, 34, 3)


@pytest.mark.parametrize("mode", ["RGB", "P", "RGBA"])
def test_colors_become_ids(tmp_path, paint, rng, mode):
    paint("images/one.tif")
    ids = rng.integers(0, 4, (21, 34))
    colors = np.array([*LABELS.palette, (255, 255, 255)], "uint8")[ids]
    (tmp_path / "masks").mkdir()
    image = Image.fromarray(colors)
    if mode == "P":
        image = image.quantize(4, dither=Image.Dither.NONE)
    image.convert(mode).save(tmp_path / "masks" / "one.png")
    table = {**LABELS.colors(), (255, 255, 255): 255}
    data = pairs_in_folders(
        tmp_path / "images", tmp_path / "masks", LABELS, colors=table
    )
    np.testing.assert_array_equal(data[0][1], np.where(ids == 3, 255, ids))


def test_colors_are_turned_as_their_image_is(tmp_path, rng, caplog):
    turned = Image.Exif()
    turned[0x0112] = 3
    ids = rng.integers(0, 3, (21, 34))
    colors = np.array(LABELS.palette, "uint8")[ids]
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / "one.png"
        Image.fromarray(colors).save(path, exif=turned)
    data = pairs_in_folders(
        tmp_path / "images",
        tmp_path / "masks",
        LABELS,
        colors=LABELS.colors(),
    )
    np.testing.assert_array_equal(data[0][1], ids[::-1, ::-1])
    assert not caplog.text
    image, mask = data.with_orientation("stored")[0]
    np.testing.assert_array_equal(image, colors)
    np.testing.assert_array_equal(mask, ids)


def test_colors_without_an_id_are_named(tmp_path, paint):
    paint("images/one.png", size=(4, 5))
    mask = np.zeros((4, 5, 3), "uint8")
    mask[1:] = (64, 128, 64)
    (tmp_path / "masks").mkdir()
    Image.fromarray(mask).save(tmp_path / "masks" / "one.png")
    data = pairs_in_folders(
        tmp_path / "images",
        tmp_path / "masks",
        CAMVID_31,
        colors=CAMVID_31.colors(),
    )
    with pytest.raises(ValueError, match=r"1 of its colors.*: \(0, 0, 0\)"):
        data[0]


def test_jpeg_has_no_exact_colors(tmp_path, paint):
    paint("images/one.png")
    paint("masks/one.jpg")
    data = pairs_in_folders(
        tmp_path / "images", tmp_path / "masks", LABELS, colors=LABELS.colors()
    )
    with pytest.raises(ValueError, match="JPEG is lossy and changes colors"):
        data[0]


def test_what_has_no_partner_is_named(tmp_path, paint):
    for name in "ab":
        paint(f"images/{name}.png")
    paint("masks/a.png", (0, 1))
    with pytest.raises(ValueError, match="Each image must have a mask.*: b"):
        pairs_in_folders(tmp_path / "images", tmp_path / "masks", LABELS)
    paint("masks/b.png", (0, 1))
    paint("masks/c/d.png", (0, 1))
    with pytest.raises(ValueError, match="Each mask must have an image.*c/d"):
        pairs_in_folders(tmp_path / "images", tmp_path / "masks", LABELS)


def test_nothing_is_there(tmp_path):
    with pytest.raises(ValueError, match="There must be a folder .*images"):
        pairs_in_folders(tmp_path / "images", tmp_path, LABELS)
    (tmp_path / "images").mkdir()
    with pytest.raises(ValueError, match="none in .*that end in '_x.png'"):
        pairs_in_folders(
            tmp_path / "images", tmp_path / "images", LABELS, "_x.png"
        )


def test_bad_colors(tmp_path, paint):
    paint("images/a.png")
    with pytest.raises(ValueError, match="`colors` must map colors"):
        pairs_in_folders(
            tmp_path / "images", tmp_path / "images", LABELS, colors={(1, 2): 0}
        )
