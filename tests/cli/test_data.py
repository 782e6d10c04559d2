import hashlib

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASSEG_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def nuclei(root, rng):
    """A small data set in the place of nuclei, with its hashes."""
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


def test_all_data_sets_are_told(run, root, nuclei):
    result = run("data")
    assert result.code == 0
    assert f"looking in {root}\n" in result.out
    rows = [line.split()[:2] for line in result.out.splitlines()[4:]]
    assert rows == [["camvid", "no"], ["nuclei", "yes"]]


def test_a_whole_data_set(run, nuclei):
    result = run("data", "nuclei")
    assert result.code == 0
    assert "train       2      2" in result.out
    assert "8 of 8 files have the hash in SHA256SUMS" in result.out
    assert result.err == ""


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


@pytest.mark.parametrize("name", ["camvid", "nuclei"])
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
