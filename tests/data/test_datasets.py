import json

import pytest

from kerasseg.data import CAMVID
from kerasseg.data import NUCLEI
from kerasseg.data import Labels
from kerasseg.data import SegmentationFolder
from kerasseg.data import camvid
from kerasseg.data import data_root
from kerasseg.data import load
from kerasseg.data import nuclei


def test_data_root_prefers_the_variable(monkeypatch, tmp_path):
    monkeypatch.setenv("KERASSEG_DATA", str(tmp_path))
    assert data_root() == tmp_path


def test_data_root_in_the_cache(monkeypatch, tmp_path):
    monkeypatch.delenv("KERASSEG_DATA", raising=False)
    monkeypatch.delenv("KERASSEG_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert data_root() == tmp_path / "kerasseg" / "data"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data_root() == tmp_path / ".cache" / "kerasseg" / "data"


@pytest.mark.parametrize("name", ["camvid", "nuclei"])
def test_missing_data_set_says_what_to_do(monkeypatch, tmp_path, name):
    monkeypatch.setenv("KERASSEG_DATA", str(tmp_path))
    with pytest.raises(
        ValueError, match=rf"{tmp_path}/{name}\..*https.*KERASSEG_DATA"
    ):
        load(name)


def test_unknown_name_names_the_closest(tmp_path):
    with pytest.raises(ValueError, match=r"Did you mean 'camvid'\? Received"):
        load("camvit")


def test_camvid_below_another_root(tmp_path, write_sample):
    write_sample("a")
    assert camvid("train", root=tmp_path).labels == CAMVID


def test_a_root_in_the_home_folder(monkeypatch, tmp_path, labels, write_sample):
    write_sample("a")
    monkeypatch.setenv("HOME", str(tmp_path.parent))
    root = f"~/{tmp_path.name}"
    assert load("camvid", "train", root).names == ["a"]
    assert load(root, "train", labels=labels).names == ["a"]
    folder = SegmentationFolder(root, "train", labels)
    assert folder.names == ["a"]
    assert folder.root == tmp_path
    with pytest.raises(ValueError, match=f"is not in {tmp_path.parent}/none"):
        load("camvid", "train", "~/none")


def test_splits_are_joined_and_checked(tmp_path, labels, write_sample):
    write_sample("a", split="train")
    write_sample("b", split="val")
    assert load(tmp_path, "val+train", labels=labels).names == ["b", "a"]
    with pytest.raises(
        ValueError, match=r"images: train, val\. Received: split='train\+dev'"
    ):
        load(tmp_path, "train+dev", labels=labels)


def test_folder_brings_its_labels(tmp_path, labels, write_sample):
    write_sample("a")
    with pytest.raises(ValueError, match=r"no .*labels\.json"):
        load(tmp_path)
    path = tmp_path / "labels.json"
    path.write_text(json.dumps(labels.to_json()))
    assert load(str(tmp_path)).labels == labels
    other = Labels(("x", "y", "z"))
    assert load(tmp_path, labels=other).labels == other


@pytest.mark.parametrize("content", ["{", "[]", '{"class_names": 3}'])
def test_broken_labels_file_is_named(tmp_path, write_sample, content):
    write_sample("a")
    (tmp_path / "labels.json").write_text(content)
    with pytest.raises(ValueError, match=r"Cannot use .*labels\.json: "):
        load(tmp_path)


@pytest.mark.needs_data("camvid")
def test_camvid_as_published():
    sizes = [len(camvid(split)) for split in ("train", "val", "test")]
    assert sizes == [367, 101, 233]
    image, mask = camvid("train+val")[400]
    assert image.shape == (360, 480, 3)
    assert mask.shape == (360, 480)


@pytest.mark.needs_data("nuclei")
def test_nuclei_as_published():
    data = nuclei("val")
    assert len(data) == 50
    assert data.labels == NUCLEI
    assert {mask.shape for _, mask in data} == {
        (256, 256),
        (256, 320),
        (360, 360),
        (520, 696),
    }
