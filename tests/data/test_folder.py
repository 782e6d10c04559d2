import numpy as np
import pytest
from PIL import Image

from kerasseg.cli.files import find_images
from kerasseg.data import ImageReadError
from kerasseg.data import Labels
from kerasseg.data import SegmentationFolder
from kerasseg.data import SegmentationPairs
from kerasseg.data import merge
from kerasseg.files import IMAGE_SUFFIXES


def test_samples_come_sorted_and_unchanged(tmp_path, labels, write_sample):
    written = {name: write_sample(name) for name in "cab"}
    folder = SegmentationFolder(tmp_path, "train", labels)
    assert len(folder) == 3
    assert folder.names == ["a", "b", "c"]
    assert folder.image_paths[1] == tmp_path / "images" / "train" / "b.png"
    assert folder.mask_paths[1] == tmp_path / "masks" / "train" / "b.png"
    assert folder.labels is labels
    for name, (image, mask) in zip("abc", folder, strict=True):
        np.testing.assert_array_equal(image, written[name][0])
        np.testing.assert_array_equal(mask, written[name][1])
        assert mask.dtype == np.uint8


@pytest.mark.parametrize("cached", [False, True])
def test_a_slice_is_a_dataset(tmp_path, labels, write_sample, cached):
    written = {name: write_sample(name) for name in "abcd"}
    folder = SegmentationFolder(tmp_path, "train", labels)
    part = (folder.cached() if cached else folder)[1:3]
    assert isinstance(part, SegmentationPairs)
    assert part.names == ["b", "c"]
    assert part.labels is labels
    assert part.subset(["c"]).names == part[-1:].names == ["c"]
    for name, (image, mask) in zip("bc", part, strict=True):
        np.testing.assert_array_equal(image, written[name][0])
        np.testing.assert_array_equal(mask, written[name][1])
    with pytest.raises(ValueError, match="`pairs` must not be empty"):
        folder[4:]


def test_jpeg_images_and_stray_files(tmp_path, labels, write_sample):
    image, _ = write_sample("a", image=False)
    folder = tmp_path / "images" / "train"
    Image.fromarray(image).save(folder / "a.JPG")
    (folder / ".DS_Store").write_bytes(b"")
    (folder / "notes.txt").write_text("x")
    assert SegmentationFolder(tmp_path, "train", labels).names == ["a"]


@pytest.mark.parametrize("kinds", [(), ("images",), ("images", "masks")])
def test_empty_and_missing_folders(tmp_path, labels, kinds):
    for kind in kinds:
        (tmp_path / kind / "train").mkdir(parents=True)
    missing = "is empty" if len(kinds) == 2 else "a root without"
    with pytest.raises(ValueError, match=missing):
        SegmentationFolder(tmp_path, "train", labels)


def test_image_without_mask(tmp_path, labels, write_sample):
    write_sample("a")
    write_sample("lonely", mask=False)
    with pytest.raises(ValueError, match="must have a mask.*: lonely"):
        SegmentationFolder(tmp_path, "train", labels)


def test_mask_without_image(tmp_path, labels, write_sample):
    for i in range(7):
        write_sample(f"m{i}", image=False)
    with pytest.raises(
        ValueError, match="must have an image.*: m0, .*m4 and 2 more"
    ):
        SegmentationFolder(tmp_path, "train", labels)


def test_two_images_of_one_name(tmp_path, labels, write_sample):
    image, _ = write_sample("a")
    Image.fromarray(image).save(tmp_path / "images" / "train" / "a.jpg")
    with pytest.raises(ValueError, match=r"one file only.*a\.jpg and .*a\.png"):
        SegmentationFolder(tmp_path, "train", labels)


def test_mask_that_is_no_png(tmp_path, labels, write_sample):
    _, mask = write_sample("a", mask=False)
    Image.fromarray(mask).save(tmp_path / "masks" / "train" / "a.jpg")
    with pytest.raises(ImageReadError, match=r"a\.jpg .*must be PNG"):
        SegmentationFolder(tmp_path, "train", labels)


def test_sizes_that_differ(tmp_path, labels, write_sample):
    write_sample("a")
    write_sample("a", size=(33, 46), image=False)
    folder = SegmentationFolder(tmp_path, "train", labels)
    with pytest.raises(
        ValueError, match=r"\(33, 47\) for .*a\.png and \(33, 46\) for .*a\.png"
    ):
        folder[0]


def test_unknown_ids(tmp_path, labels, write_sample):
    _, mask = write_sample("a")
    mask[2, 3] = 9
    path = tmp_path / "masks" / "train" / "a.png"
    Image.fromarray(mask).save(path)
    folder = SegmentationFolder(tmp_path, "train", labels)
    for read in (lambda: folder[0], folder.cached):
        with pytest.raises(ValueError, match=r"a\.png holds unknown.*: 9\."):
            read()


def test_deep_masks_are_eight_bits_where_they_fit(tmp_path, write_sample):
    _, mask = write_sample("a")
    path = tmp_path / "masks" / "train" / "a.png"
    Image.fromarray(mask.astype("uint16")).save(path)
    folder = SegmentationFolder(tmp_path, "train", Labels(tuple("abc")))
    assert folder[0][1].dtype == np.uint8
    np.testing.assert_array_equal(folder[0][1], mask)
    deep = mask.astype("uint16")
    deep[mask == 255] = 300
    Image.fromarray(deep).save(path)
    labels = Labels(tuple("abc"), ignore_classes=(300,))
    read = SegmentationFolder(tmp_path, "train", labels)[0][1]
    assert read.dtype == np.int32
    np.testing.assert_array_equal(read, deep)


def test_sub_folders_are_read_beside_images(tmp_path, labels, write_sample):
    written = {n: write_sample(n) for n in ("b", "deep/er/a", "c")}
    folder = SegmentationFolder(tmp_path, "train", labels)
    assert folder.names == ["b", "c", "deep/er/a"]
    for name, (image, mask) in zip(folder.names, folder, strict=True):
        np.testing.assert_array_equal(image, written[name][0])
        np.testing.assert_array_equal(mask, written[name][1])
    (tmp_path / "masks/train/deep/er/a.png").unlink()
    with pytest.raises(ValueError, match="Without: deep/er/a"):
        SegmentationFolder(tmp_path, "train", labels)


@pytest.mark.parametrize("suffix", IMAGE_SUFFIXES)
def test_images_of_every_known_suffix_are_found(
    tmp_path, labels, write_sample, suffix
):
    image, _ = write_sample("a")
    path = tmp_path / "images" / "train" / "a.png"
    path.unlink()
    if suffix == ".npy":
        np.save(path.with_suffix(suffix), image)
    else:
        Image.fromarray(image).save(path.with_suffix(suffix))
    folder = SegmentationFolder(tmp_path, "train", labels)
    assert folder[0][0].shape == image.shape
    assert find_images([path.parent])[0] == [path.with_suffix(suffix)]


def turned(path, orientation):
    """Gives a file an EXIF orientation."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    with Image.open(path) as image:
        image.save(path, exif=exif)


def turned_folder(tmp_path, labels, write_sample, turns, mask_size=None):
    """A folder of one sample; EXIF orientations of image and mask."""
    image, mask = write_sample("a")
    path = tmp_path / "masks" / "train" / "a.png"
    if mask_size is not None:
        mask = np.resize(mask, mask_size)
        Image.fromarray(mask).save(path)
    turned(tmp_path / "images" / "train" / "a.png", turns[0])
    turned(path, turns[1])
    return SegmentationFolder(tmp_path, "train", labels), image, mask


@pytest.mark.parametrize("orientation", [2, 3, 4])
def test_a_turned_image_of_the_same_size_is_warned_of(
    tmp_path, labels, write_sample, caplog, orientation
):
    folder, image, mask = turned_folder(
        tmp_path, labels, write_sample, (orientation, 1)
    )
    for _ in range(2):
        assert (folder[0][0] != image).any()
    assert caplog.text.count("EXIF turns") == 1
    assert "a.png (orientation" in caplog.text
    caplog.clear()
    stored = folder.with_orientation("stored")[0]
    np.testing.assert_array_equal(stored[0], image)
    np.testing.assert_array_equal(stored[1], mask)
    applied = folder.with_orientation("exif").subset(["a"])[0]
    np.testing.assert_array_equal(applied[0], folder[0][0])
    assert not caplog.text
    with pytest.raises(ValueError, match="`orientation` must be one of exif"):
        folder.with_orientation("up")


def test_the_size_tells_that_the_mask_fits_the_turned_image(
    tmp_path, labels, write_sample, caplog
):
    folder, image, mask = turned_folder(
        tmp_path, labels, write_sample, (6, 1), (47, 33)
    )
    np.testing.assert_array_equal(folder[0][0], np.rot90(image, -1))
    np.testing.assert_array_equal(folder[0][1], mask)
    assert not caplog.text
    with pytest.raises(ValueError, match="EXIF orientation 6 .* not applied"):
        folder.with_orientation("stored")[0]


def test_files_that_are_turned_alike_fit(
    tmp_path, labels, write_sample, caplog
):
    folder, image, mask = turned_folder(tmp_path, labels, write_sample, (3, 3))
    np.testing.assert_array_equal(folder[0][0], image[::-1, ::-1])
    np.testing.assert_array_equal(folder[0][1], mask[::-1, ::-1])
    assert not caplog.text


def test_exif_is_named_where_sizes_differ(tmp_path, labels, write_sample):
    folder, image, _ = turned_folder(tmp_path, labels, write_sample, (6, 1))
    with pytest.raises(
        ValueError,
        match=r"EXIF turned the image \(orient.*as it is stored.*with_",
    ):
        folder[0]
    np.testing.assert_array_equal(
        folder.with_orientation("stored")[0][0], image
    )


def test_cached_samples_are_equal_and_need_no_files(
    tmp_path, labels, write_sample
):
    for name in "abc":
        write_sample(name)
    folder = SegmentationFolder(tmp_path, "train", labels)
    expected = list(folder)
    cached = folder.cached()
    for path in [*folder.image_paths, *folder.mask_paths]:
        path.unlink()
    assert cached.names == folder.names
    assert cached.labels == labels
    assert len(cached) == 3
    for (image, mask), (want_image, want_mask) in zip(
        cached, expected, strict=True
    ):
        np.testing.assert_array_equal(image, want_image)
        np.testing.assert_array_equal(mask, want_mask)
    with pytest.raises(ValueError, match="read-only"):
        cached[0][0][:] = 0
    assert len(merge(cached, cached.subset(["b"]))) == 4
    np.testing.assert_array_equal(merge(cached, cached)[4][0], expected[1][0])


def test_subset_by_name_and_by_predicate(tmp_path, labels, write_sample):
    for name in ("a1", "b1", "a2"):
        write_sample(name)
    folder = SegmentationFolder(tmp_path, "train", labels)
    assert folder.subset(["b1", "a1"]).names == ["a1", "b1"]
    chosen = folder.cached().subset(lambda name: name.startswith("a"))
    assert chosen.names == ["a1", "a2"]
    np.testing.assert_array_equal(chosen[1][0], folder[1][0])


def test_subset_of_nothing_or_of_unknown_names(tmp_path, labels, write_sample):
    write_sample("a")
    folder = SegmentationFolder(tmp_path, "train", labels)
    with pytest.raises(ValueError, match="Received: zebra"):
        folder.subset(["a", "zebra"])
    with pytest.raises(ValueError, match="Received: nothing"):
        folder.subset(lambda name: False)


def test_merge_keeps_the_order(tmp_path, labels, write_sample):
    write_sample("b", split="train")
    write_sample("a", split="val")
    train, val = (
        SegmentationFolder(tmp_path, split, labels)
        for split in ("train", "val")
    )
    both = merge(train, val.cached())
    assert both.names == ["b", "a"]
    np.testing.assert_array_equal(both[1][1], val[0][1])


def test_merge_of_nothing_or_of_other_labels(tmp_path, labels, write_sample):
    write_sample("a")
    folder = SegmentationFolder(tmp_path, "train", labels)
    other = SegmentationFolder(tmp_path, "train", Labels(("x", "y", "z")))
    with pytest.raises(ValueError, match="must have the same labels"):
        merge(folder, other)
    with pytest.raises(ValueError, match="at least one dataset"):
        merge()


def test_pairs_must_not_be_empty(labels):
    with pytest.raises(ValueError, match="must not be empty"):
        SegmentationPairs([], labels)
