import json
import sys


def test_masks_of_a_folder(run, channels_entry, image_folder, tmp_path):
    (image_folder / "broken.png").write_bytes(b"x")
    argv = ("job", channels_entry, image_folder, "--workers", "0")
    result = run(*argv, "--out", tmp_path / "masks")
    assert result.code == 1
    assert f"2 of 3 images: masks in {tmp_path / 'masks'}" in result.out
    assert "broken.png: Cannot read it: it is not an image" in result.err
    text = (tmp_path / "masks" / "manifest.jsonl").read_text()
    members = {json.loads(line).get("member") for line in text.splitlines()}
    assert members == {None, "a.png", "b.png", "broken.png"}

    again = run(*argv, "--out", tmp_path / "masks")
    assert again.code == 2
    assert "an earlier job" in again.err
    (image_folder / "broken.png").write_bytes(
        (image_folder / "a.png").read_bytes()
    )
    resumed = run(*argv, "--out", tmp_path / "masks", "--resume")
    assert resumed.code == 0
    assert "3 of 3 images" in resumed.out
    assert "2 of them before" in resumed.out


def test_wrong_usage(run, channels_entry, image_folder, tmp_path, monkeypatch):
    argv = ("job", channels_entry, image_folder, "--out", tmp_path / "masks")
    result = run(*argv, "--workers", "-1")
    assert result.code == 2
    assert "--workers must be 0 or more" in result.err
    monkeypatch.setitem(sys.modules, "ray", None)
    result = run(*argv)
    assert result.code == 2
    assert "pip install 'kerasseg[jobs]'" in result.err
