import functools
import hashlib
import http.server
import threading

import pytest
from source import ROOT

from kerasseg.page import runtime
from kerasseg.page import runtime_files
from kerasseg.zoo.errors import WeightsError

DIST = ROOT / "export/web/node_modules/onnxruntime-web/dist"

pytestmark = pytest.mark.one_backend


class _Quiet(http.server.SimpleHTTPRequestHandler):
    asked = []

    def do_GET(self):
        self.asked.append(self.path)
        super().do_GET()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder that is served in the place of the network."""
    folder = tmp_path / "network"
    folder.mkdir()
    (folder / "ort.mjs").write_text("export default 1;")
    (folder / "ort.wasm").write_bytes(bytes(100_000))
    hashes = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
    }
    handler = functools.partial(_Quiet, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    url = f"http://127.0.0.1:{server.server_port}/"
    monkeypatch.setattr(runtime, "URL", url)
    monkeypatch.setattr(runtime, "HASHES", hashes)
    monkeypatch.setenv("KERASSEG_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(_Quiet, "asked", [])
    with server:
        thread.start()
        yield folder
        server.shutdown()
        thread.join()


def test_files_are_fetched_once(place):
    first = runtime_files()
    assert set(first) == {"ort.mjs", "ort.wasm"}
    assert first["ort.wasm"].read_bytes() == bytes(100_000)
    assert runtime_files() == first
    assert sorted(_Quiet.asked) == ["/ort.mjs", "/ort.wasm"]
    # What is damaged is fetched anew.
    first["ort.mjs"].write_text("")
    assert runtime_files()["ort.mjs"].read_text() == "export default 1;"
    assert len(_Quiet.asked) == 3


def test_a_file_with_another_hash_is_not_kept(place, tmp_path):
    (place / "ort.mjs").write_text("evil();")
    with pytest.raises(WeightsError, match="sha256.*was deleted"):
        runtime_files()
    assert not list((tmp_path / "home").rglob("*.mjs"))


def test_a_network_that_is_not_there(place):
    (place / "ort.mjs").unlink()
    with pytest.raises(
        ConnectionError, match="could not be downloaded.*File not found"
    ):
        runtime_files()


def test_a_folder_of_another_version(place):
    assert runtime_files(place)["ort.mjs"] == place / "ort.mjs"
    (place / "ort.mjs").write_text("export default 2;")
    with pytest.raises(ValueError, match="must hold.*others: ort.mjs"):
        runtime_files(place)
    assert not _Quiet.asked


@pytest.mark.skipif(not DIST.is_dir(), reason="needs onnxruntime-web: make web")
def test_what_npm_installs_is_what_is_fetched():
    assert set(runtime_files(DIST)) == set(runtime.HASHES)
