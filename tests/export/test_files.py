import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kerasseg.export import files
from kerasseg.export.files import place
from kerasseg.export.files import staging_folder
from kerasseg.export.workarounds import quiet
from kerasseg.files import dead_temporaries


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

    monkeypatch.setattr(files.os, "replace", fail_at_the_third)
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


KILLED = """
import os
import signal
import sys
from pathlib import Path
from kerasseg.export.files import place
from kerasseg.export.files import staging_folder

path, moment = Path(sys.argv[1]), sys.argv[2]
replace = os.replace


def die(source, target):
    if moment == "after" or Path(source).name != "artifact":
        replace(source, target)
    if Path(source).name == "artifact":
        os.kill(os.getpid(), signal.SIGKILL)


os.replace = die
with staging_folder(path) as staged:
    (staged / "artifact").mkdir()
    (staged / "artifact" / "a.txt").write_text("new")
    if moment == "early":
        os.kill(os.getpid(), signal.SIGKILL)
    place(staged, [(staged / "artifact", path)])
"""


@pytest.mark.by_day(1)
@pytest.mark.parametrize(
    ("moment", "content"),
    [("early", "old"), ("before", "old"), ("after", "new")],
)
def test_what_a_killed_export_left_is_cleaned(tmp_path, moment, content):
    if dead_temporaries(tmp_path) != [] or not Path("/proc/self/stat").exists():
        pytest.skip("the system does not tell which processes have ended")
    path = tmp_path / "folder"
    path.mkdir()
    (path / "a.txt").write_text("old")
    kept = tmp_path / ".folder.0123456789abcdef"
    kept.mkdir()
    command = [sys.executable, "-c", KILLED, str(path), moment]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    (left,) = dead_temporaries(tmp_path)
    with staging_folder(path) as staged:
        assert not left.exists()
        assert (path / "a.txt").read_text() == content
        assert staged.exists()
        # Of a living process.
        assert dead_temporaries(tmp_path) == []
    assert sorted(p.name for p in tmp_path.iterdir()) == [kept.name, "folder"]


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
