import errno
import os

import pytest

from kerasseg.atomic import atomic_file


def test_replaces_the_file_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "new folder" / "notes.txt"
    for text in ("first", "second"):
        with atomic_file(path) as temporary:
            assert temporary.parent == path.parent
            temporary.write_text(text)
        assert path.read_text() == text
    assert os.listdir(path.parent) == ["notes.txt"]


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
