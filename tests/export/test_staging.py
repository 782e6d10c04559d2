import os

import pytest

from kerasseg.export import staging
from kerasseg.export.quiet import quiet
from kerasseg.export.staging import place
from kerasseg.export.staging import staging_folder


def test_all_moves_or_none(tmp_path, monkeypatch):
    old, folder = tmp_path / "old.bin", tmp_path / "folder"
    old.write_text("old")
    folder.mkdir()
    (folder / "a.txt").write_text("old")
    real = os.replace

    def fail_at_the_third(source, target):
        if str(target).endswith("new.bin"):
            raise KeyboardInterrupt
        real(source, target)

    monkeypatch.setattr(staging.os, "replace", fail_at_the_third)
    with staging_folder(old) as staged:
        sources = [staged / name for name in ("one", "two", "three")]
        sources[1].mkdir()
        for source in (sources[0], sources[2]):
            source.write_text("new")
        targets = [old, folder, tmp_path / "new.bin"]
        with pytest.raises(KeyboardInterrupt):
            place(staged, list(zip(sources, targets, strict=True)))
    assert old.read_text() == "old"
    assert (folder / "a.txt").read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "old.bin"]


def test_moves_replace_files_and_folders(tmp_path):
    old, folder = tmp_path / "old.bin", tmp_path / "folder"
    old.write_text("old")
    folder.mkdir()
    (folder / "a.txt").write_text("old")
    with staging_folder(old) as staged:
        (staged / "one").write_text("new")
        (staged / "two").mkdir()
        place(staged, [(staged / "one", old), (staged / "two", folder)])
    assert old.read_text() == "new"
    assert not list(folder.iterdir())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "old.bin"]


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ValueError, match="`path` must be in a writable folder"),
        staging_folder(tmp_path / "file" / "x.onnx"),
    ):
        pass


def fail_noisily():
    """Does what a converter does that fails."""
    with quiet():
        os.write(2, b"noise of a converter\n")
        raise OSError("real")


def test_quiet_hides_noise_and_shows_errors(capfd, caplog):
    caplog.set_level("DEBUG", "kerasseg.export")
    with pytest.raises(OSError, match="real"):
        fail_noisily()
    assert capfd.readouterr().err == ""
    assert "noise of a converter" in caplog.text
    os.write(2, b"heard\n")
    assert capfd.readouterr().err == "heard\n"
