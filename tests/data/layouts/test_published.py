"""Generated files in the layout of each published dataset."""

import numpy as np
import pytest
from scipy.io import savemat

from kerasseg.data import ADE20K
from kerasseg.data import CAMVID
from kerasseg.data import CITYSCAPES
from kerasseg.data import IDD_LITE
from kerasseg.data import LAYOUTS
from kerasseg.data import OXFORD_PETS
from kerasseg.data import PASCAL_CONTEXT
from kerasseg.data import SOURCES
from kerasseg.data import VOC
from kerasseg.data import Labels
from kerasseg.data import load

VOC_2012 = "voc/VOCdevkit/VOC2012"
SBD = "benchmark_RELEASE/dataset"


@pytest.fixture(autouse=True)
def _root(monkeypatch, tmp_path):
    monkeypatch.setenv("KERASSEG_DATA", str(tmp_path))


def write_voc(paint, write_list, root=VOC_2012, train=("b", "a"), val=("c",)):
    masks = {}
    for name in (*train, *val):
        paint(f"{root}/JPEGImages/{name}.jpg")
        masks[name] = paint(
            f"{root}/SegmentationClass/{name}.png",
            (0, 7, 20, 255),
            palette=[value for c in range(256) for value in (c, 255 - c, 9)],
        )
    write_list(f"{root}/ImageSets/Segmentation/train.txt", *train)
    write_list(f"{root}/ImageSets/Segmentation/val.txt", *val)
    return masks


def write_sbd(tmp_path, paint, write_list, names=("c", "d", "a")):
    masks = {}
    (tmp_path / SBD / "cls").mkdir(parents=True)
    for name in names:
        paint(f"{SBD}/img/{name}.jpg")
        ids = np.random.default_rng(ord(name)).integers(0, 21, (21, 34))
        masks[name] = ids.astype("uint8")
        content = np.zeros((1, 1), [("Segmentation", "O")])
        content[0, 0]["Segmentation"] = masks[name]
        savemat(tmp_path / SBD / "cls" / f"{name}.mat", {"GTcls": content})
    write_list(f"{SBD}/train.txt", *names[:2])
    write_list(f"{SBD}/val.txt", *names[2:])
    return masks


def test_voc_where_it_lies(paint, write_list):
    masks = write_voc(paint, write_list)
    data = load("voc", "train")
    assert data.names == ["b", "a"]
    assert data.labels == VOC
    image, mask = data[0]
    assert image.shape == (21, 34, 3)
    np.testing.assert_array_equal(mask, masks["b"])
    assert load("voc", "train+val").names == ["b", "a", "c"]
    with pytest.raises(ValueError, match="train, val. Received: split='test'"):
        load("voc", "test")


def test_voc_names_missing_files(tmp_path, paint, write_list):
    write_voc(paint, write_list)
    (tmp_path / VOC_2012 / "SegmentationClass" / "a.png").unlink()
    with pytest.raises(ValueError, match=r"Missing: .*Class/a\.png"):
        load("voc", "train")


def test_voc_says_how_to_lay_it_out():
    with pytest.raises(ValueError, match="robots.ox.ac.uk.*JPEGImages/NAME"):
        load("voc", "val")


def test_sbd(tmp_path, paint, write_list):
    masks = write_sbd(tmp_path, paint, write_list)
    data = load("sbd", "train")
    assert data.names == ["c", "d"]
    np.testing.assert_array_equal(data[1][1], masks["d"])
    (tmp_path / SBD / "cls" / "d.mat").write_bytes(b"MATLAB")
    with pytest.raises(ValueError, match=r"Cannot read GTcls from .*d\.mat"):
        data[1]


def test_voc_with_sbd_leaves_out_what_voc_lists(tmp_path, paint, write_list):
    write_voc(paint, write_list, "VOCdevkit/VOC2012")
    masks = write_sbd(tmp_path, paint, write_list)
    data = load("voc", "train_aug")
    assert data.names == ["b", "a", "d"]
    np.testing.assert_array_equal(data[2][1], masks["d"])


def test_voc_with_sbd_holds_out_what_sbd_trains_on(
    tmp_path, paint, write_list
):
    root = "VOCdevkit/VOC2011"
    masks = write_voc(paint, write_list, root, ("b",), ("e", "c", "a"))
    write_sbd(tmp_path, paint, write_list)
    data = load("voc", "seg11valid")
    # Of val c is in SBD's train, and a in its val.
    assert data.names == ["e", "a"]
    np.testing.assert_array_equal(data[1][1], masks["a"])
    write_list(f"{root}/ImageSets/Segmentation/seg11valid.txt", "c")
    assert load("voc", "seg11valid").names == ["c"]


def test_cityscapes_has_19_of_34_ids(paint):
    name = "aachen/aachen_000000_000019"
    paint(f"cityscapes/leftImg8bit/val/{name}_leftImg8bit.png")
    masks = f"cityscapes/gtFine/val/{name}_gtFine"
    raw = paint(f"{masks}_labelIds.png", range(34))
    paint(f"{masks}_instanceIds.png", range(34))
    data = load("cityscapes", "val")
    assert data.names == [name]
    mask = data[0][1]
    for file_id, expected in ((7, 0), (8, 1), (11, 2), (33, 18), (0, 255)):
        assert (mask[raw == file_id] == expected).all()
    scored = [i for i, new in CITYSCAPES.id_map if new != 255]
    assert scored == [7, 8, 11, 12, 13, 17, *range(19, 29), 31, 32, 33]


def test_idd_lite_as_published(tmp_path, paint):
    root = "idd_lite/gtFine/train/7/frame0001"
    paint("idd_lite/leftImg8bit/train/7/frame0001_image.jpg")
    raw = paint(f"{root}_label.png", (0, 6, 255))
    paint(f"{root}_inst_label.png", (0, 1))
    data = load("idd_lite", "train")
    assert data.names == ["7/frame0001"]
    assert data.labels == IDD_LITE
    np.testing.assert_array_equal(data[0][1], raw)
    (tmp_path / f"{root}_label.png").unlink()
    with pytest.raises(ValueError, match="must have a mask.*7/frame0001"):
        load(tmp_path / "idd_lite", "train", labels=IDD_LITE)


def test_ade20k_reduces_zero(paint):
    root, name = "ade20k/ADEChallengeData2016", "ADE_val_00000001"
    paint(f"{root}/images/validation/{name}.jpg")
    raw = paint(f"{root}/annotations/validation/{name}.png", (0, 1, 2, 150))
    data = load("ade20k", "val")
    assert data.labels.class_names == ADE20K.class_names
    expected = np.where(raw == 0, 255, raw.astype(int) - 1)
    np.testing.assert_array_equal(data[0][1], expected)
    assert ADE20K.class_names[149] == "flag"


def test_pascal_context_in_images(paint, write_list):
    root = "VOCdevkit/VOC2010"
    paint(f"{root}/JPEGImages/a.jpg")
    raw = paint(f"{root}/SegmentationClassContext/a.png", (0, 1, 59))
    write_list(f"{root}/ImageSets/SegmentationContext/val.txt", "a")
    mask = load("pascal_context", "val")[0][1]
    expected = np.where(raw == 0, 255, raw.astype(int) - 1)
    np.testing.assert_array_equal(mask, expected)


def test_pascal_context_as_published(tmp_path, paint, write_list):
    root = "pascal_context"
    for name in ("a", "without"):
        paint(f"{root}/JPEGImages/{name}.jpg")
    write_list(f"{root}/ImageSets/Main/train.txt", "a", "without")
    # The names of the 459, among them those that differ from the 59.
    other = {
        "diningtable": "table",
        "bedcloth": "bedclothes",
        "clothes": "cloth",
    }
    names = [other.get(n, n) for n in reversed(PASCAL_CONTEXT.class_names)]
    names.insert(3, "unusual thing")
    lines = [f"{i}: {name}" for i, name in enumerate(names, 1)]
    write_list(f"{root}/labels.txt", *lines)
    raw = np.random.default_rng(0).integers(1, 61, (21, 34))
    (tmp_path / root / "trainval").mkdir()
    savemat(tmp_path / root / "trainval" / "a.mat", {"LabelMap": raw})
    data = load("pascal_context", "train")
    assert data.names == ["a"]
    mask = data[0][1]
    assert (mask[raw == 4] == 255).all()
    for new, name in enumerate(PASCAL_CONTEXT.class_names):
        file_id = names.index(other.get(name, name)) + 1
        assert (mask[raw == file_id] == new).all()
    write_list(f"{root}/labels.txt", *lines[:9])
    with pytest.raises(ValueError, match="must name the class 'aeroplane'"):
        load("pascal_context", "train")[0]


def test_camvid_of_segnet(paint):
    paint("CamVid/test/0001TP_008550.png")
    raw = paint("CamVid/testannot/0001TP_008550.png", range(12))
    data = load("camvid", "test")
    assert data.labels.class_names == CAMVID.class_names
    np.testing.assert_array_equal(data[0][1], np.where(raw == 11, 255, raw))
    without = Labels(CAMVID.class_names, ignore_classes=())
    with pytest.raises(ValueError, match="an id for what is ignored"):
        load("camvid", "test", labels=without)


def test_oxford_pets(paint, write_list):
    root, name = "oxford_pets", "Abyssinian_100"
    paint(f"{root}/images/{name}.jpg")
    raw = paint(f"{root}/annotations/trimaps/{name}.png", (1, 2, 3))
    lines = ("#Image CLASS-ID SPECIES", f"{name} 1 1 1")
    write_list(f"{root}/annotations/test.txt", *lines)
    data = load("oxford_pets", "test")
    assert data.labels == OXFORD_PETS
    np.testing.assert_array_equal(data[0][1], np.array([0, 1, 0, 255])[raw])


def test_a_remapped_dataset(paint, write_list):
    raw = write_voc(paint, write_list)["c"]
    rest = [n for n in VOC.class_names if n not in ("Car", "TVMonitor")]
    labels = VOC.remap({"rest": rest, "wanted": ["Car", 20]})
    mask = load("voc", "val", labels=labels)[0][1]
    expected = np.where(raw == 255, 255, np.isin(raw, (7, 20)))
    np.testing.assert_array_equal(mask, expected)


def test_each_source_names_its_layout():
    assert all(source.layout in LAYOUTS for source in SOURCES.values())
    assert all(name == layout.name for name, layout in LAYOUTS.items())


def test_fractions_in_masks_of_matlab_are_refused(tmp_path, paint, write_list):
    write_sbd(tmp_path, paint, write_list)
    content = np.zeros((1, 1), [("Segmentation", "O")])
    content[0, 0]["Segmentation"] = np.full((21, 34), 0.9)
    savemat(tmp_path / SBD / "cls" / "c.mat", {"GTcls": content})
    with pytest.raises(ValueError, match=r"c\.mat must hold.*whole numbers"):
        load("sbd", "train")[0]
