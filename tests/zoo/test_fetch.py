import dataclasses
import errno
import http.server
import os
import shutil
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kerasseg.zoo import fetch
from kerasseg.zoo.fetch import weights_path
from kerasseg.zoo.weights import WeightsError

CONTENT = bytes(range(256)) * 2000


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source" / "cells 1.safetensors"
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def entry(cells, source):
    return cells(source, source.as_uri())


def test_downloads_once(cache, source, entry):
    path = weights_path(entry)
    assert path.read_bytes() == CONTENT
    assert path == cache / f"{entry.sha256[:12]}-cells 1.safetensors"
    assert os.listdir(cache) == [path.name]
    source.unlink()
    assert weights_path(entry) == path


@pytest.mark.parametrize("variable", ["KERASSEG_HOME", "XDG_CACHE_HOME", ""])
def test_cache_folder(variable, monkeypatch, tmp_path, entry):
    monkeypatch.delenv("KERASSEG_HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "user"))
    if variable:
        monkeypatch.setenv(variable, str(tmp_path / "set"))
    folder = {
        "KERASSEG_HOME": "set/weights",
        "XDG_CACHE_HOME": "set/kerasseg/weights",
        "": "user/.cache/kerasseg/weights",
    }[variable]
    assert weights_path(entry).parent == tmp_path / folder


def test_packaged_file(monkeypatch, tmp_path, source, entry):
    monkeypatch.setattr(fetch, "PACKAGED", source.parent)
    entry = dataclasses.replace(entry, weights=source.name)
    assert weights_path(entry) == source
    source.unlink()
    with pytest.raises(FileNotFoundError, match="Install kerasseg again"):
        weights_path(entry)


def test_untrained_entry(entry):
    entry = dataclasses.replace(entry, weights=None)
    with pytest.raises(ValueError, match="no trained weights yet for 'cells'"):
        weights_path(entry)


def damage_by_truncation(content):
    return content[: len(content) // 2]


def damage_by_one_bit(content):
    return content[:70000] + bytes([content[70000] ^ 1]) + content[70001:]


def damage_by_emptying(content):
    return b""


DAMAGES = [damage_by_truncation, damage_by_one_bit, damage_by_emptying]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("packaged", [False, True])
def test_damaged_file(damage, packaged, cache, source, entry, monkeypatch):
    if packaged:
        monkeypatch.setattr(fetch, "PACKAGED", source.parent)
        entry = dataclasses.replace(entry, weights=source.name)
    path = weights_path(entry)
    path.write_bytes(damage(CONTENT))
    with pytest.raises(WeightsError, match="damaged or not the one") as caught:
        weights_path(entry)
    message = str(caught.value)
    assert str(path) in message
    assert f"Expected sha256 {entry.sha256}" in message
    assert f"found sha256 {fetch.sha256(path)}" in message
    advice = "Install kerasseg again" if packaged else "Delete the file"
    assert advice in message


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_download_is_not_kept(damage, cache, source, entry):
    source.write_bytes(damage(CONTENT))
    with pytest.raises(WeightsError, match="was deleted. Try again") as caught:
        weights_path(entry)
    message = str(caught.value)
    assert entry.weights in message
    assert entry.sha256 in message
    assert fetch.sha256(source) in message
    assert os.listdir(cache) == []


def test_offline(cache, source, entry, monkeypatch):
    def refuse(*args, **kwargs):
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(urllib.request.OpenerDirector, "open", refuse)
    with pytest.raises(
        ConnectionError, match="Name or service not known. Check the network"
    ) as caught:
        weights_path(entry)
    assert entry.weights in str(caught.value)
    assert os.listdir(cache) == []
    # The message names the place for a file that is brought by hand.
    place = cache / f"{entry.sha256[:12]}-cells 1.safetensors"
    assert str(place) in str(caught.value)
    shutil.copy(source, place)
    assert weights_path(entry) == place


def test_missing_source_and_closed_port(cache, source, entry):
    source.unlink()
    with pytest.raises(ConnectionError, match="could not be downloaded"):
        weights_path(entry)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/cells.safetensors"
        entry = dataclasses.replace(entry, weights=url)
        with pytest.raises(ConnectionError, match="[Cc]onnection refused"):
            weights_path(entry)


class Interrupted(http.server.BaseHTTPRequestHandler):
    """Promises the whole file and hangs up after a part of it."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[:100_000])

    def log_message(self, *args):
        pass


def test_interrupted_download(cache, entry):
    server = http.server.HTTPServer(("127.0.0.1", 0), Interrupted)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/cells.safetensors"
        entry = dataclasses.replace(entry, weights=url)
        # Which of the two depends on the version of Python.
        with pytest.raises((WeightsError, ConnectionError), match=url):
            weights_path(entry)
    finally:
        thread.join()
        server.server_close()
    assert os.listdir(cache) == []


def test_a_full_disk_is_no_network_error(cache, source, entry, file_size_limit):
    with (
        file_size_limit(100_000),
        pytest.raises(OSError, match="File too large") as caught,
    ):
        weights_path(entry)
    assert caught.value.errno == errno.EFBIG
    assert not isinstance(caught.value, ConnectionError)
    assert os.listdir(cache) == []


def test_parallel_threads(cache, entry):
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(weights_path, [entry] * 32))
    assert len(set(paths)) == 1
    assert os.listdir(cache) == [paths[0].name]


PROCESS = """
import sys
from kerasseg.label_sets import NUCLEI
from kerasseg.zoo.entry import Entry
from kerasseg.zoo.fetch import weights_path
sys.stdin.read(1)
print(weights_path(Entry("cells", "Cells", "lrr", NUCLEI,
    weights=sys.argv[1], sha256=sys.argv[2])))
"""


@pytest.mark.nightly
def test_parallel_processes(cache, entry):
    root = Path(fetch.__file__).parents[2]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, entry.weights, entry.sha256],
            env={**os.environ, "PYTHONPATH": str(root)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in processes:
        process.stdin.write("x")
        process.stdin.flush()
    paths = {process.communicate()[0] for process in processes}
    assert [process.returncode for process in processes] == [0] * 4
    assert paths == {f"{weights_path(entry)}\n"}
    assert len(os.listdir(cache)) == 1
