import numpy as np
import pytest
from PIL import Image

from kerasseg.data import ANIMALS
from kerasseg.data import IDD_LITE
from kerasseg.data import animals
from kerasseg.data import idd_lite
from kerasseg.data.arrange import arrange

# Pascal VOC's ids of background, cat, dog, horse, cow, sheep and person, then
# a bus and void.
VOC_IDS = [0, 8, 12, 13, 10, 17, 15, 6, 255]


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def idd(tmp_path, rng):
    root = tmp_path / "IDD" / "idd20k_lite"
    for split, place, name in (
        ("train", "1", "a"),
        ("train", "2", "a"),
        ("val", "1", "b"),
    ):
        ids = rng.choice([*range(7), 255], (33, 47)).astype("uint8")
        folder = root / "gtFine" / split / place
        save(folder / f"{name}_label.png", ids)
        save(folder / f"{name}_inst_label.png", ids)
        pixels = rng.integers(0, 255, (33, 47, 3), dtype="uint8")
        image = root / "leftImg8bit" / split / place / f"{name}_image.jpg"
        save(image, pixels)
    alone = root / "leftImg8bit" / "train" / "2" / "alone_image.jpg"
    save(alone, pixels)
    return tmp_path / "IDD"


@pytest.fixture
def voc(tmp_path, rng):
    masks, images = tmp_path / "masks", tmp_path / "images"
    for name in ("2008_1", "2008_2", "2008_3"):
        ids = rng.choice(VOC_IDS, (47, 33)).astype("uint8")
        save(masks / "SegmentationClassAug" / f"{name}.png", ids)
    for name in ("2008_2.jpeg", "2008_3.jpg", "other.jpg"):
        pixels = rng.integers(0, 255, (47, 33, 3), dtype="uint8")
        save(images / "images" / name, pixels)
    (masks / "train.txt").write_text("2008_1\n2008_3\n")
    return masks, images


def test_idd_lite(tmp_path, idd):
    out = tmp_path / "out"
    assert arrange("idd_lite", [idd], out) == {"train": 2, "val": 1}
    train = idd_lite("train", out)
    assert train.labels == IDD_LITE
    assert train.names == ["1_a", "2_a"]
    image, mask = train[1]
    root = idd / "idd20k_lite"
    source = root / "leftImg8bit" / "train" / "2" / "a_image.jpg"
    assert train.image_paths[1].read_bytes() == source.read_bytes()
    label = Image.open(root / "gtFine" / "train" / "2" / "a_label.png")
    np.testing.assert_array_equal(mask, np.asarray(label))
    assert image.shape == (33, 47, 3)


def test_animals(tmp_path, voc):
    out = tmp_path / "out"
    assert arrange("animals", voc, out) == {"train": 1, "val": 1}
    val = animals("val", out)
    assert val.labels == ANIMALS
    assert val.names == ["2008_2"]
    ids = np.asarray(Image.open(voc[0] / "SegmentationClassAug" / "2008_2.png"))
    mask = val[0][1]
    for voc_id in VOC_IDS:
        expected = VOC_IDS.index(voc_id) if voc_id not in (6, 255) else 255
        assert set(np.unique(mask[ids == voc_id])) == {expected}


def test_an_interrupted_run_leaves_no_dataset(tmp_path, idd):
    (last,) = idd.glob("**/b_label.png")
    label = last.read_bytes()
    last.write_bytes(b"cut short")
    out = tmp_path / "data" / "idd_lite"
    with pytest.raises(ValueError, match="b_label.png"):
        arrange("idd_lite", [idd], out)
    assert list(out.parent.iterdir()) == []
    last.write_bytes(label)
    assert arrange("idd_lite", [idd], out) == {"train": 2, "val": 1}
    with pytest.raises(ValueError, match="`folder` must not be there yet"):
        arrange("idd_lite", [idd], out)


@pytest.mark.parametrize("name", ["idd_lite", "animals"])
def test_other_folders(tmp_path, name):
    count = 1 if name == "idd_lite" else 2
    (tmp_path / "images").mkdir()
    with pytest.raises(ValueError, match=r"`checkouts` must hold .* no pairs"):
        arrange(name, [tmp_path] * count, tmp_path / "out")
    with pytest.raises(ValueError, match="Received: 3 folders"):
        arrange(name, [tmp_path] * 3, tmp_path / "out")


def test_other_datasets(tmp_path):
    with pytest.raises(ValueError, match="one of idd_lite, animals"):
        arrange("camvid", [tmp_path], tmp_path / "out")


@pytest.mark.needs_data("idd_lite")
def test_the_real_idd_lite():
    train, val = idd_lite("train"), idd_lite("val")
    assert (len(train), len(val)) == (1403, 204)
    assert val.labels.num_classes == 7
    seen = set()
    for index in range(0, len(val), 17):
        image, mask = val[index]
        assert image.shape[:2] == mask.shape
        seen |= set(np.unique(mask).tolist())
    assert seen == {*range(7), 255}
