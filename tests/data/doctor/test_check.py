import json
import time
import unicodedata

import numpy as np
import pytest
from PIL import Image

from kerasseg import data
from kerasseg.data import Labels
from kerasseg.data import check
from kerasseg.files import json_text

CLASSES = ("background", "cat", "dog")


@pytest.fixture
def folder(tmp_path, rng):
    """A dataset of two splits without a fault, and what writes more files."""
    return _Folder(tmp_path / "pets", rng)


class _Folder:
    def __init__(self, root, rng):
        self.root = root
        self.rng = rng
        for split, count in (("train", 4), ("val", 2)):
            for index in range(count):
                self.write(f"{split}{index}", split)
        self.labels(class_names=CLASSES)

    def labels(self, **values):
        (self.root / "labels.json").write_text(json.dumps(values))

    def ids(self, high=3):
        return self.rng.integers(0, high, (33, 47), dtype="uint8")

    def image(self, name, split="train", pixels=None, suffix="png", **options):
        if pixels is None:
            pixels = self.rng.integers(0, 256, (33, 47, 3), dtype="uint8")
        path = self.root / "images" / split / f"{name}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path, **options)
        return path

    def mask(self, name, split="train", ids=None, suffix="png"):
        ids = self.ids() if ids is None else ids
        path = self.root / "masks" / split / f"{name}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(ids).save(path)
        return path

    def write(self, name, split="train", ids=None, **options):
        self.mask(name, split, ids)
        return self.image(name, split, **options)

    def problem(self, name, **options):
        """The one problem of the dataset, which must have this name."""
        report = check(self.root, **options)
        assert [p.name for p in report.problems] == [name]
        return report.problems[0]


def test_a_dataset_without_a_fault(folder):
    report = check(folder.root)
    assert report.problems == report.errors == report.warnings == ()
    assert report.labels.class_names == CLASSES
    train = report.splits["train"]
    assert (train.samples, train.masks_read) == (4, 4)
    assert train.sizes == {(33, 47): 4}
    assert train.image_modes == {"RGB": 4}
    assert train.mask_modes == {"L": 4}
    assert train.total() == sum(train.pixels) == 4 * 33 * 47
    report.raise_errors()
    assert json.loads(json_text(report.to_json()))["problems"] == []


def test_pixels_are_counted(folder):
    ids = np.full((33, 47), 2, "uint8")
    ids[:3], ids[3:4] = 0, 255
    for name in ("a", "b"):
        folder.write(name, "test", ids)
    split = check(folder.root).splits["test"]
    assert split.pixels == (2 * 3 * 47, 0, 2 * 29 * 47)
    assert split.images == (2, 0, 2)
    assert split.void == {255: 2 * 47}
    assert split.shares == pytest.approx((3 / 33, 0, 29 / 33))
    record = split.to_json()
    assert set(record) == set(vars(split))
    assert record["shares"] == list(split.shares)


def test_weights_are_of_median_frequency(folder):
    for path in (folder.root / "masks/train").iterdir():
        ids = np.zeros((33, 47), "uint8")
        ids[:11], ids[11:12] = 1, 2
        if path.stem == "train0":
            ids[:] = 0
        Image.fromarray(ids).save(path)
    shares = np.array([(3 * 21 + 33) / (4 * 33), 11 / 33, 1 / 33])
    weights = check(folder.root).class_weights
    np.testing.assert_allclose(weights, np.median(shares) / shares)


def test_ids_outside_of_the_map(folder):
    path = folder.mask("train0", ids=np.full((33, 47), 7, "uint8"))
    problem = folder.problem("unknown_ids")
    assert problem.severity == "error"
    assert problem.files == (str(path),)
    assert "7 (25 %). Known are 0 to 2, 255" in problem.message


def test_ids_that_begin_with_one(folder):
    for path in (folder.root / "masks").glob("*/*"):
        Image.fromarray(folder.ids() + np.uint8(1)).save(path)
    report = check(folder.root)
    assert {p.name for p in report.errors} == {"unknown_ids"}
    assert "reduce_zero_label" in report.errors[0].message
    # Those labels are right.
    labels = Labels(CLASSES).reduce_zero_label()
    assert not check(folder.root, labels).errors


def test_ids_that_are_shades_of_gray(folder):
    folder.mask("train0", ids=folder.ids(high=255))
    assert "interpolation" in folder.problem("unknown_ids").message


def test_void_that_the_labels_do_not_ignore(folder):
    folder.labels(class_names=CLASSES, ignore_classes=[])
    ids = folder.ids()
    ids[0] = 255
    folder.mask("train0", ids=ids)
    assert "ignore_classes=(255,)" in folder.problem("unknown_ids").message


def test_masks_of_0_and_255(folder):
    folder.labels(class_names=["background", "cat"])
    for path in (folder.root / "masks").glob("*/*"):
        Image.fromarray(255 * folder.ids(high=2)).save(path)
    report = check(folder.root)
    assert [p.name for p in report.errors] == ["one_class_and_void"] * 2
    assert [p.name for p in report.warnings] == ["absent_class"]
    assert "'cat' stored as 255" in report.errors[0].message
    with pytest.raises(ValueError, match="one_class_and_void"):
        report.raise_errors()
    # What the message says to write is right.
    labels = Labels(
        ("background", "cat"), ignore_classes=(), id_map={0: 0, 255: 1}
    )
    assert not check(folder.root, labels).problems


def test_masks_of_0_and_255_without_labels(folder):
    (folder.root / "labels.json").unlink()
    for path in (folder.root / "masks").glob("*/*"):
        Image.fromarray(255 * folder.ids(high=2)).save(path)
    names = {p.name: p.severity for p in check(folder.root).problems}
    assert names["one_class_and_void"] == "error"
    assert names["labels"] == "warning"


def test_masks_of_void_alone(folder):
    folder.mask("train0", ids=np.full((33, 47), 255, "uint8"))
    problem = folder.problem("all_void")
    assert problem.severity == "warning"
    for path in (folder.root / "masks/val").iterdir():
        Image.new("L", (47, 33), 255).save(path)
    assert "all_void" in [p.name for p in check(folder.root).errors]


def test_a_class_that_never_occurs(folder):
    folder.labels(class_names=[*CLASSES, "horse"])
    problem = folder.problem("absent_class")
    assert problem.severity == "warning"
    assert problem.message == "The class 'horse' never occurs."
    ids = folder.ids()
    ids[:9] = 255
    folder.mask("val0", "val", ids)
    assert "stored as void?" in folder.problem("absent_class").message


def test_a_class_that_is_not_in_train(folder):
    for path in (folder.root / "masks/train").iterdir():
        Image.fromarray(folder.ids(high=2)).save(path)
    assert "'dog' is in other" in folder.problem("absent_in_train").message


def test_pairs_of_other_sizes(folder):
    folder.mask("train1", ids=folder.ids()[:, :40])
    problem = folder.problem("sizes_differ")
    assert problem.severity == "error"
    assert "33x47 (height x width)" in problem.message
    assert "33x40 (height x width)" in problem.message
    assert "EXIF" not in problem.message
    assert folder.problem("sizes_differ", quick=True) == problem


def _turned(folder, orientation, pixels=None):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return folder.image("train1", pixels=pixels, suffix="jpg", exif=exif)


@pytest.mark.parametrize("quick", [False, True])
def test_exif_as_the_reason_of_other_sizes(folder, quick):
    (folder.root / "images/train/train1.png").unlink()
    _turned(folder, 6)
    problem = folder.problem("sizes_differ", quick=quick)
    assert "EXIF is the reason for 1 of them" in problem.message
    assert '.with_orientation("stored")' in problem.message


@pytest.mark.parametrize("quick", [False, True])
def test_an_orientation_that_was_chosen_is_heeded(folder, quick):
    (folder.root / "images/train/train1.png").unlink()
    _turned(folder, 6)
    train = data.SegmentationFolder(folder.root, "train", Labels(CLASSES))
    assert check(train, quick=quick).errors
    assert not check(train.with_orientation("stored"), quick=quick).problems
    _turned(folder, 3)
    for choice in ("stored", "exif"):
        assert not check(train.with_orientation(choice), quick=quick).problems


def test_masks_that_are_turned(folder):
    folder.mask("train1", ids=folder.ids().T.copy())
    assert "turned by 90 degrees" in folder.problem("sizes_differ").message


def test_exif_that_nobody_can_check(folder):
    (folder.root / "images/train/train1.png").unlink()
    _turned(folder, 3)
    problem = folder.problem("exif_orientation")
    assert problem.severity == "warning"
    square = folder.rng.integers(0, 256, (40, 40, 3), dtype="uint8")
    _turned(folder, 6, square)
    folder.mask("train1", ids=np.resize(folder.ids(), (40, 40)))
    folder.problem("exif_orientation")


def test_names_in_two_unicode_forms(folder):
    name = "caf\u00e9"
    folder.image(name)
    folder.mask(unicodedata.normalize("NFD", name))
    problem = folder.problem("unicode_names")
    assert problem.severity == "error"
    assert "an image and its mask" in problem.message
    assert check(folder.root).splits["train"].samples == 5
    # With both forms of both, each has its partner, and nobody sees which.
    folder.mask(name)
    folder.image(unicodedata.normalize("NFD", name))
    assert "two samples" in folder.problem("unicode_names").message


def test_an_image_in_two_splits(folder):
    pixels = np.array(Image.open(folder.root / "images/train/train1.png"))
    folder.image("val1", "val", pixels)
    problem = folder.problem("duplicates_across_splits")
    assert problem.severity == "error"
    assert problem.count == 2
    assert "train/train1 = val/val1" in problem.message
    assert "unlike masks" in problem.message


def test_an_image_twice_in_a_split(folder):
    pixels = np.array(Image.open(folder.root / "images/val/val0.png"))
    folder.image("val1", "val", pixels, suffix="bmp")
    (folder.root / "images/val/val1.png").unlink()
    assert folder.problem("duplicates").severity == "warning"


def test_splits_that_hold_others_are_no_copies(folder):
    labels = Labels(CLASSES)
    train, val = (
        data.SegmentationFolder(folder.root, split, labels)
        for split in ("train", "val")
    )
    splits = {"train": train, "trainval": data.merge(train, val), "val": val}
    assert not check(splits).problems


def test_images_of_one_color(folder):
    folder.image("train0", pixels=np.full((33, 47, 3), 9, "uint8"))
    problem = folder.problem("constant_image")
    assert problem.severity == "warning"
    assert "(9, 9, 9)" in problem.message
    almost = np.full((33, 47, 3), 9, "uint8")
    almost[1, 1, 1] = 10
    folder.image("train0", pixels=almost)
    assert not check(folder.root).problems


def test_images_of_12_bits_in_16(folder):
    paths = [
        folder.image(
            f"train{index}",
            pixels=folder.rng.integers(0, 4096, (33, 47)).astype("uint16"),
        )
        for index in range(2)
    ]
    problem, gray = check(folder.root).problems
    assert (problem.name, gray.name) == ("few_bits", "gray_images")
    assert problem.severity == "error"
    assert "only 12 of them" in problem.message
    assert "end at 15 of 255" in problem.message
    assert problem.files == tuple(map(str, paths))
    full = folder.rng.integers(0, 65536, (33, 47)).astype("uint16")
    folder.image("train3", pixels=full)
    (few, _) = check(folder.root).problems
    assert (few.name, few.severity) == ("few_bits", "warning")


def test_bands_of_12_bits_in_16(folder):
    for index in range(2):
        bands = folder.rng.integers(0, 4096, (33, 47, 5)).astype("uint16")
        path = folder.root / "images" / "train" / f"train{index}"
        path.with_suffix(".png").unlink()
        np.save(path.with_suffix(".npy"), bands)
    problems = check(folder.root, channels=5).problems
    (few,) = (p for p in problems if p.name == "few_bits")
    assert (few.severity, len(few.files)) == ("error", 2)
    assert "only 12 of them" in few.message


@pytest.mark.parametrize("quick", [False, True])
def test_gray_images_for_a_model_of_rgb(folder, quick):
    gray = folder.rng.integers(0, 256, (33, 47), dtype="uint8")
    path = folder.image("val0", "val", pixels=gray)
    problem = folder.problem("gray_images", quick=quick)
    assert problem.severity == "warning"
    assert "1 image of 6 is gray, and read as RGB" in problem.message
    assert problem.files == (str(path),)


@pytest.mark.parametrize("quick", [False, True])
def test_images_of_other_channels(folder, quick):
    problem = folder.problem("unreadable", quick=quick, channels=1)
    assert "holds colors, and images of 1 channel are wanted" in problem.message
    for split, count in (("train", 4), ("val", 2)):
        for index in range(count):
            path = folder.root / "images" / split / f"{split}{index}.png"
            bands = folder.rng.integers(0, 65536, (33, 47, 5), dtype="uint16")
            np.save(path.with_suffix(".npy"), bands)
            path.unlink()
    report = check(folder.root, quick=quick, channels=5)
    assert report.problems == ()
    assert report.channels == 5
    assert dict(report.splits["val"].image_modes) == {"5 bands": 2}
    problem = folder.problem("unreadable", quick=quick)
    assert "has 5 bands, and images of 3 channels are" in problem.message
    with pytest.raises(ValueError, match="`channels` must be .* channels=17"):
        check(folder.root, channels=17)


def test_files_that_cannot_be_read(folder):
    path = folder.root / "images/train/train0.png"
    path.write_bytes(path.read_bytes()[:900])
    problem = folder.problem("unreadable")
    assert problem.severity == "error"
    assert str(path) in problem.message
    path.write_text("no image")
    folder.problem("unreadable", quick=True)


def test_masks_of_colors(folder):
    folder.mask("train0", ids=np.stack([folder.ids()] * 3, -1))
    assert "holds colors" in folder.problem("unreadable").message


def test_masks_that_are_jpeg(folder):
    (folder.root / "masks/train/train0.png").unlink()
    folder.mask("train0", suffix="jpg")
    report = check(folder.root)
    assert [p.name for p in report.errors] == ["mask_format", "unpaired"]


def test_files_without_partner(folder):
    (folder.root / "masks/train/train0.png").unlink()
    (folder.root / "images/train/train1.png").unlink()
    problem = folder.problem("unpaired")
    assert problem.severity == "error"
    assert problem.count == 2


def test_files_in_sub_folders_are_pairs(folder):
    for kind in ("images", "masks"):
        path = folder.root / kind / "train" / "a" / "train0.png"
        path.parent.mkdir()
        (path.parents[1] / path.name).rename(path)
    report = check(folder.root)
    assert not report.problems
    assert report.splits["train"].samples == 4


def test_two_files_of_one_name(folder):
    path = folder.image("train0", suffix="jpg")
    problem = folder.problem("ambiguous_names")
    assert str(path.with_suffix(".png")) in problem.message


def test_images_in_no_split(folder):
    for path in [*folder.root.glob("*/*/*")]:
        path.rename(path.parents[1] / path.name)
    for path in folder.root.glob("*/*"):
        if path.is_dir():
            path.rmdir()
    assert "images/train" in folder.problem("no_samples").message


def test_an_empty_split(folder):
    (folder.root / "images/test").mkdir()
    assert "in 'test'" in folder.problem("no_samples").message


def test_labels_that_cannot_be_used(folder):
    (folder.root / "labels.json").write_text("{}")
    problem = folder.problem("labels")
    assert problem.severity == "error"
    (folder.root / "labels.json").unlink()
    problem = folder.problem("labels")
    assert problem.severity == "warning"
    assert check(folder.root).labels.num_classes == 3


def test_a_folder_in_no_layout(tmp_path):
    (problem,) = check(tmp_path).problems
    assert problem.name == "layout"
    assert "images/SPLIT/NAME.jpg" in problem.message


def test_a_layout_whose_files_are_missing(tmp_path, folder):
    root = tmp_path / "voc"
    for name in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (root / name).mkdir(parents=True)
    (root / "ImageSets/Segmentation/train.txt").write_text("gone\n")
    (problem,) = check(root, Labels(CLASSES)).problems
    assert problem.name == "layout"
    assert "gone" in problem.message


def test_what_is_no_dataset():
    with pytest.raises(ValueError, match="existing folder"):
        check("no such folder")
    with pytest.raises(TypeError, match="Received: int"):
        check(3)


# === Datasets in memory ===


def test_samples_in_memory(samples):
    report = check({"train": samples[:2], "test": samples[2:]}, Labels(CLASSES))
    assert report.splits["train"].samples == 2
    assert {p.name for p in report.problems} == {
        "unknown_ids",
        "absent_in_train",
    }


def test_samples_in_memory_that_cannot_be_used(samples):
    image, mask = samples[0]
    report = check([(image / 255, mask), (image, mask + 0.5), samples[1]])
    assert {p.name for p in report.errors} == {"unreadable"}
    assert report.errors[0].count == 2
    sizes = check([(image, mask[1:])])
    assert [p.name for p in sizes.errors] == ["sizes_differ"]


def test_no_sample_at_all():
    assert [p.name for p in check([]).errors] == ["no_samples"]


# === The quick form ===


def test_the_quick_form_reads_few_masks(folder):
    for index in range(30):
        folder.write(f"more{index}")
    split = check(folder.root, quick=True).splits["train"]
    assert (split.samples, split.masks_read) == (34, 16)


def test_the_quick_form_reads_on_while_void_may_hide_a_class(folder):
    void = np.zeros((33, 47), "uint8")
    void[:5] = 255
    for index in range(30):
        folder.write(f"a{index}", ids=void)
    for index in range(4):
        folder.mask(f"train{index}", ids=void)
    problem = check(folder.root, quick=True).errors[0]
    assert (problem.name, problem.count) == ("one_class_and_void", 34)
    folder.mask("a11")
    assert not check(folder.root, quick=True).errors


def test_the_quick_form_reads_on_with_the_channels_of_the_dataset(folder):
    void = np.zeros((33, 47), "uint8")
    void[:5] = 255
    for path in (folder.root / "images").glob("*/*"):
        bands = folder.rng.integers(0, 256, (33, 47, 5), dtype="uint8")
        np.save(path.with_suffix(".npy"), bands)
        path.unlink()
        folder.mask(path.stem, path.parent.name, void)
    report = check(folder.root, quick=True, channels=5)
    assert {p.name for p in report.errors} == {"one_class_and_void"}


def test_the_quick_form_reads_every_mask_if_need_be():
    image, void = np.zeros((4, 4, 3), "uint8"), np.eye(4, dtype="uint8") * 255
    for index in (63, 64, 65, 199):
        samples = [(image, void)] * 200
        samples[index] = image, np.eye(4, dtype="uint8")
        split = check(samples, Labels(CLASSES), quick=True).splits["data"]
        assert split.images[1] == 1, index


def test_progress_is_reported(folder):
    told = []
    check(folder.root, progress=lambda *numbers: told.append(numbers))
    assert told == [(i, 6) for i in range(1, 7)]


# === Real data ===


@pytest.mark.needs_data("camvid", "nuclei", "idd_lite")
@pytest.mark.parametrize(
    ("name", "samples"), [("camvid", 701), ("nuclei", 250), ("idd_lite", 1607)]
)
def test_real_headers(name, samples):
    report = check(name, quick=True)
    assert sum(s.samples for s in report.splits.values()) == samples
    assert not report.problems


@pytest.mark.slow
@pytest.mark.nightly
@pytest.mark.needs_data("camvid", "nuclei", "idd_lite")
@pytest.mark.parametrize("name", ["camvid", "nuclei", "idd_lite"])
def test_real_pixels(name):
    start = time.process_time()
    report = check(name)
    assert not report.problems
    if name == "camvid":
        # Seconds of all threads, which do not depend on what else runs.
        assert time.process_time() - start < 10
        # As in the README beside the files.
        assert report.class_weights == pytest.approx(
            (0.2793, 0.2017, 4.7865, 0.1490, 1.0, 0.4217, 3.8467, 1.9736)
            + (0.7889, 6.3747, 8.8587),
            abs=5e-5,
        )
