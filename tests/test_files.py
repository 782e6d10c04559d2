import errno
import hashlib
import os
import subprocess
import sys

import pytest

from kerasseg import files
from kerasseg.files import atomic_file
from kerasseg.files import atomic_json
from kerasseg.files import cache_folder
from kerasseg.files import no_empty_folder
from kerasseg.files import read_json
from kerasseg.files import sha256


def test_replaces_the_file_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "new folder" / "notes.txt"
    for text in ("first", "second"):
        with atomic_file(path) as temporary:
            assert temporary.parent == path.parent
            temporary.write_text(text)
        assert path.read_text() == text
    assert os.listdir(path.parent) == ["notes.txt"]


def test_what_is_synced_may_be_written(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")
    modes = []

    def fsync(number):
        modes.append(fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE)

    monkeypatch.setattr(os, "fsync", fsync)
    with atomic_file(tmp_path / "notes.txt") as temporary:
        temporary.write_text("Windows refuses to sync what is read only")
    assert modes == [os.O_RDWR]


def test_a_failure_keeps_the_old_file(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("old")

    def write_half():
        with atomic_file(path) as temporary:
            temporary.write_text("half of the n")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_half()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["notes.txt"]


def test_a_full_disk_keeps_the_old_file(tmp_path, file_size_limit):
    path = tmp_path / "numbers"
    path.write_bytes(b"old")
    with (
        file_size_limit(1000),
        pytest.raises(OSError, match="File too large"),
        atomic_file(path) as temporary,
    ):
        temporary.write_bytes(bytes(2000))
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["numbers"]


def test_a_new_folder_that_stays_empty_is_removed(tmp_path):
    def fail(folder, name):
        folder.mkdir(parents=True, exist_ok=True)
        if name:
            (folder.parent / name).write_text("")
        raise KeyError

    def make(folder, name=None):
        with pytest.raises(KeyError), no_empty_folder(folder):
            fail(folder, name)

    make(tmp_path / "a" / "b")
    assert not list(tmp_path.iterdir())
    make(tmp_path / "a" / "b", "file")
    assert [path.name for path in tmp_path.rglob("*")] == ["a", "file"]
    # It was there before.
    make(tmp_path / "a")
    (tmp_path / "c").mkdir()
    make(tmp_path / "c")
    assert (tmp_path / "c").is_dir()


def test_sha256_of_one_file_and_of_several(tmp_path, rng):
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(rng.bytes(3 << 20))
    second.write_bytes(b"")
    content = first.read_bytes()
    assert sha256(first) == hashlib.sha256(content).hexdigest()
    second.write_bytes(rng.bytes(77))
    whole = hashlib.sha256(content + second.read_bytes()).hexdigest()
    assert sha256(str(first), second) == whole


def test_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KERASSEG_HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == tmp_path / ".cache" / "kerasseg"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert cache_folder() == tmp_path / "cache" / "kerasseg"
    monkeypatch.setenv("KERASSEG_HOME", "~/models")
    assert cache_folder() == tmp_path / "models"
    monkeypatch.setenv("KERASSEG_HOME", "~nobody-of-that-name/models")
    with pytest.raises(ValueError, match="the home folder is not known"):
        cache_folder()


KILLED = """
import os
import runpy
import signal
import sys
atomic_file = runpy.run_path(sys.argv[1])["atomic_file"]
with atomic_file(sys.argv[2]) as temporary:
    temporary.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_is_deleted(tmp_path, monkeypatch):
    if files._machine() is None:
        pytest.skip("the system does not tell which processes have ended")
    path = tmp_path / "notes.txt"
    command = [sys.executable, "-c", KILLED, files.__file__, str(path)]
    subprocess.run(command, check=False)
    (dead,) = os.listdir(tmp_path)
    random, machine, process, began = dead.split(".")[2].split("-")
    own = f"{os.getpid()}-{files._began(os.getpid())}"
    kept = {
        # Of another machine, of this process, and of somebody else.
        f".notes.{random}-00000000-{process}-{began}.txt",
        f".notes.{random}-{machine}-{own}.txt",
        f".notes.{random}.txt",
        f"notes.{random}-{machine}-{process}-{began}.txt",
        f".notes.{machine}-{process}-{began}.txt",
    }
    recycled = f".other.{random}-{machine}-{os.getpid()}-1.png"
    for name in {*kept, recycled}:
        (tmp_path / name).write_text("x")
    monkeypatch.setattr(files, "_swept", set())
    with atomic_file(path) as temporary:
        temporary.write_text("whole")
    assert set(os.listdir(tmp_path)) == {*kept, path.name}


@pytest.mark.parametrize("stem", ["a" * 251, "ä" * 125, "a." + 249 * "b"])
def test_a_name_as_long_as_names_can_be(tmp_path, stem):
    path = tmp_path / f"{stem}.txt"
    with atomic_file(path) as temporary:
        temporary.write_text("complete")
    assert os.listdir(tmp_path) == [path.name]


def test_what_cannot_be_written_is_named(tmp_path):
    (tmp_path / "folder").mkdir()
    for name, cause in (("a" * 256, "too long"), ("folder", "directory")):
        path = tmp_path / name
        with pytest.raises(OSError, match=cause) as caught:
            atomic_json(path, {})
        assert caught.value.filename == str(path)
    with pytest.raises(OSError, match="No space left") as caught:
        _fill_the_disk(tmp_path / "full")
    assert caught.value.filename == str(tmp_path / "full")


def _fill_the_disk(path):
    with atomic_file(path):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_json_is_strict(tmp_path):
    path = tmp_path / "a.json"
    inner = {"loss": (float("nan"), 0.5), "best": float("inf"), "n": 3}
    atomic_json(path, {"scores": [inner, None, "é"]})
    strict = {"loss": [None, 0.5], "best": None, "n": 3}
    assert read_json(path) == {"scores": [strict, None, "é"]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "not JSON"),
        (b'{"loss": NaN}', "NaN is no number of JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b"9" * 5000, "not JSON"),
        (b'{"a": 1, "b": {"c": 1, "c": 1}}', "stands twice in one object"),
    ],
)
def test_other_json_is_refused_by_name(tmp_path, content, message):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"a\.json is .*{message}") as raised:
        read_json(path)
    # Others put it into sentences of their own.
    assert not str(raised.value).endswith(".")
