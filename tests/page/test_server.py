import http.client
import json
import re
import socket
import threading

import pytest

from kerasseg.page import Server
from kerasseg.page import site_files
from kerasseg.page.server import TYPES

pytestmark = pytest.mark.one_backend


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    model, runtime = folder / "a b.onnx", folder / "ort.wasm"
    for path in (model, model.with_name("a b.onnx.json"), runtime):
        path.write_bytes(path.name.encode())
    with Server("127.0.0.1", 0) as server:
        server.files = site_files(
            {"a b": model}, {runtime.name: runtime}, image=b"png"
        )
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def ask(server):
    """One request: the response, and its body."""

    def ask(path, method="GET", **options):
        connection = http.client.HTTPConnection(
            "127.0.0.1", server.server_port, timeout=20
        )
        connection.request(method, path, **options)
        response = connection.getresponse()
        return response, response.read()

    return ask


@pytest.mark.parametrize(
    ("path", "kind", "start"),
    [
        ("/", "text/html", b"<!doctype html>"),
        ("/?model=a%20b.onnx", "text/html", b"<!doctype html>"),
        ("/page.js", "text/javascript", b"// The page"),
        ("/page.css", "text/css", b"body {"),
        ("/a%20b.onnx", "application/octet-stream", b"a b.onnx"),
        ("/a%20b.onnx.json", "application/json", b"a b.onnx.json"),
        ("/runtime/ort.wasm", "application/wasm", b"ort.wasm"),
        ("/image.png", "image/png", b"png"),
    ],
)
def test_what_is_shown(ask, path, kind, start):
    response, body = ask(path)
    assert response.status == 200
    assert body.startswith(start)
    assert response.headers["Content-Type"].split(";")[0] == kind
    assert response.headers["Content-Length"] == str(len(body))
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    # Without both, browsers let no threads share memory.
    policies = {k: v for k, v in response.headers.items() if "Policy" in k}
    assert policies == {
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Embedder-Policy": "require-corp",
    }
    head, nothing = ask(path, "HEAD")
    assert not nothing
    assert head.headers["Content-Length"] == str(len(body))


def test_the_settings_name_models_and_image(ask):
    _, body = ask("/site.json")
    assert json.loads(body) == {"models": ["a b.onnx"], "image": "image.png"}


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/runtime/../../server.py",
        "/runtime/",
        "/static/index.html",
        "/a%20b.onnx%00.json",
        "/\\windows\\win.ini",
    ],
)
def test_nothing_else_is_shown(ask, path):
    response, body = ask(path)
    assert response.status == 404
    assert body == b"There is no such file on this page.\n"


def test_a_file_that_was_deleted(ask, server, tmp_path, monkeypatch):
    gone = {"gone.onnx": tmp_path / "gone.onnx"}
    monkeypatch.setattr(server, "files", server.files | gone)
    response, body = ask("/gone.onnx")
    assert response.status == 410
    assert body == b"The file was deleted or cannot be read.\n"


def test_uploads_are_refused(ask, server):
    response, body = ask("/", "POST", body=bytes(4 << 20))
    assert response.status == 405
    assert response.headers["Allow"] == "GET, HEAD"
    assert b"takes no uploads" in body
    # One that is too large to wait for is answered at once.
    with socket.create_connection(("127.0.0.1", server.server_port), 20) as to:
        to.sendall(b"PUT /x HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n")
        answer = b""
        while chunk := to.recv(4096):
            answer += chunk
    assert re.match(rb"HTTP/1.0 405 .*takes no uploads", answer, re.S)


@pytest.mark.parametrize("address", ["http://[::1", "http://[x]/"])
def test_what_is_no_address(server, capfd, address):
    with socket.create_connection(("127.0.0.1", server.server_port), 20) as to:
        to.sendall(f"GET {address} HTTP/1.1\r\n\r\n".encode())
        answer = b""
        while chunk := to.recv(4096):
            answer += chunk
    assert re.match(rb"HTTP/1.0 400 .*no address", answer, re.S)
    assert not capfd.readouterr().err


def test_every_file_has_a_type(server):
    names = [name for name in server.files if not name.startswith("runtime/")]
    assert {"index.html", "tiles.js", "site.json"} <= set(names)
    assert {f".{name.rpartition('.')[2]}" for name in names} <= set(TYPES)


def test_a_port_is_taken_once(server):
    with pytest.raises(OSError, match="in use"):
        Server("127.0.0.1", server.server_port)
    assert server.url == f"http://127.0.0.1:{server.server_port}/"
