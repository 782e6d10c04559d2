"""Weights that are not in the package, from a mirror."""

import dataclasses
import http.server
import os

import hub_server
import pytest

from kerasseg import zoo
from kerasseg.zoo import download
from kerasseg.zoo import fetch
from kerasseg.zoo.errors import WeightsError

pytestmark = pytest.mark.one_backend

CONTENT = bytes(range(256)) * 20


@pytest.fixture(autouse=True)
def _no_package(cache, monkeypatch, tmp_path):
    monkeypatch.setattr(fetch, "PACKAGED", tmp_path / "package")


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "mirror" / "cells 1.safetensors"
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def entry(cells, source):
    return cells(source, source.name)


@pytest.fixture
def server(source):
    """A mirror on this machine; `/to/URL` leads to that URL."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        asked = []

        def __init__(self, *args):
            super().__init__(*args, directory=source.parent)

        def do_GET(self):
            self.asked.append(self.path)
            if self.path.startswith("/to/"):
                self.send_response(302)
                target = self.path[4:].rpartition("/")[0]
                self.send_header("Location", target)
                self.end_headers()
            elif self.path.startswith("/broken/"):
                self.send_response(200)
                self.send_header("Content-Length", str(len(CONTENT)))
                self.end_headers()
                self.wfile.write(CONTENT[:1000])
            else:
                super().do_GET()

        def log_message(self, *args):
            pass

    with hub_server.serving(Handler) as url:
        yield url, Handler.asked


def test_from_a_server_once(cache, server, entry, monkeypatch):
    url, asked = server
    monkeypatch.setenv("KERASSEG_MIRROR", url + "/")
    path = zoo.weights_path(entry)
    assert path == cache / f"{entry.sha256[:12]}-cells 1.safetensors"
    assert path.read_bytes() == CONTENT
    # The argument wins, and what was fetched needs no mirror.
    assert zoo.weights_path(entry, mirror="file:///none") == path
    monkeypatch.delenv("KERASSEG_MIRROR")
    assert zoo.weights_path(entry) == path
    assert asked == ["/cells%201.safetensors"]


def test_from_a_folder_and_in_place_of_the_entrys_url(cache, source, entry):
    url = "https://example.invalid/a/cells%201.safetensors"
    entry = dataclasses.replace(entry, weights=url)
    path = zoo.weights_path(entry, mirror=source.parent.as_uri())
    assert path.read_bytes() == CONTENT


def test_what_is_packaged_asks_no_mirror(source, entry, server, monkeypatch):
    monkeypatch.setattr(fetch, "PACKAGED", source.parent)
    assert zoo.weights_path(entry, mirror=server[0]) == source
    assert server[1] == []


def test_load_takes_a_mirror(small_entry, tmp_path, cache, server, source):
    [packaged] = (tmp_path / "packaged").iterdir()
    packaged.rename(source.parent / packaged.name)
    with pytest.raises(FileNotFoundError, match="or let KERASSEG_MIRROR name"):
        zoo.load("small")
    zoo.load("small", mirror=server[0])
    assert len(os.listdir(cache)) == 1


def refused(url):
    return f"redirected to {url}.*not on https"


@pytest.mark.parametrize(
    ("path", "error", "message"),
    [
        ("/none", ConnectionError, "File not found. Check the net"),
        ("/broken", ConnectionError, "broke off after 1000 of 5120 bytes"),
        ("/to/file:///etc/hosts", ConnectionError, "file:.* is not allow"),
        ("/to/ftp://a.b/c", ConnectionError, refused("ftp:")),
        ("/to/http://a.invalid", ConnectionError, refused("http://a.invalid")),
    ],
)
def test_nothing_is_left_of_what_fails(
    cache, server, entry, path, error, message
):
    with pytest.raises(error, match=message):
        zoo.weights_path(entry, mirror=server[0] + path)
    assert os.listdir(cache) == []


def test_a_redirection_on_this_machine(cache, server, entry):
    url = server[0]
    mirror = f"{url}/to/{url}/cells%201.safetensors"
    assert zoo.weights_path(entry, mirror=mirror).read_bytes() == CONTENT


def test_another_file_and_one_that_is_too_large(
    cache, source, server, entry, monkeypatch
):
    source.write_bytes(CONTENT[::-1])
    with pytest.raises(WeightsError, match="found sha256.*and was deleted"):
        zoo.weights_path(entry, mirror=server[0])
    monkeypatch.setattr(download, "MOST_BYTES", 5119)
    with pytest.raises(WeightsError, match="at most 5119 bytes"):
        zoo.weights_path(entry, mirror=server[0])
    assert os.listdir(cache) == []


@pytest.mark.parametrize(
    "mirror",
    [
        "http://example.org/weights",
        "https://",
        "https://me:word@example.org/weights",
        "https://example.org/weights?key=1",
        "ftp://example.org/weights",
        "file://example.org/weights",
        "weights",
        "https://[/",
    ],
)
def test_what_is_no_mirror(entry, mirror, monkeypatch):
    with pytest.raises(ValueError, match="`mirror` must be the URL of a fold"):
        zoo.weights_path(entry, mirror=mirror)
    monkeypatch.setenv("KERASSEG_MIRROR", mirror)
    with pytest.raises(ValueError, match="KERASSEG_MIRROR must be the URL"):
        zoo.weights_path(entry)
