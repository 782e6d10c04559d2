import hashlib
import json
import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from kerasseg import export
from kerasseg import page
from kerasseg.cli import serve

pytestmark = pytest.mark.one_backend


@pytest.fixture
def exports(monkeypatch, tmp_path):
    """Replaces what takes long; the models that were exported."""
    done = []

    def to_onnx(model, path, image_shape, labels):
        done.append((model.name, image_shape, labels.class_names))
        path.parent.mkdir(parents=True)
        path.write_bytes(b"graph")
        path.with_name(path.name + ".json").write_text("{}")
        return SimpleNamespace(
            max_error=1e-6, mask_agreement=1.0, images=4, verified_on="images"
        )

    monkeypatch.setenv("KERASSEG_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(export, "to_onnx", to_onnx)
    sidecar = {
        "sha256": hashlib.sha256(b"graph").hexdigest(),
        "input": {"layout": "NHWC", "shape": [1, 40, 56, 3]},
    }
    monkeypatch.setattr(export, "read_sidecar", lambda path: sidecar)
    monkeypatch.setattr(page, "runtime_files", lambda folder: {})
    return done


def test_models_are_exported_once(run, exports, channels_entry, tmp_path):
    Image.new("RGB", (64, 48), (9, 8, 7)).save(tmp_path / "mine.bmp")
    other = tmp_path / "other.onnx"
    other.write_bytes(b"graph")
    other.with_name("other.onnx.json").write_text("{}")
    argv = ("serve", channels_entry, channels_entry, other)
    argv += ("--image-shape", "40x56", "--image", tmp_path / "mine.bmp")
    result = run(*argv, "--out", tmp_path / "site")
    assert not result.code, result.err
    shape = (40, 56, 3)
    assert exports == [("channels", shape, ("red", "green", "blue"))]
    assert "mask agreement 100.0000 %, on 4 images" in result.out
    site = tmp_path / "site"
    assert str(site / "index.html") in result.out
    settings = json.loads((site / "site.json").read_text())
    assert settings["models"] == [
        *("channels.onnx", "channels_2.onnx", "other.onnx")
    ]
    image = np.asarray(Image.open(site / settings["image"]))
    np.testing.assert_array_equal(image, np.full((48, 64, 3), (9, 8, 7)))

    again = run(*argv, "--out", tmp_path / "again")
    assert not again.code
    assert len(exports) == 1
    run(*argv[:2], "--image-shape", "48x56", "--out", tmp_path / "again")
    assert len(exports) == 2


def test_a_file_keeps_its_size(run, exports, tmp_path):
    path = tmp_path / "other.onnx"
    path.write_bytes(b"graph")
    result = run(
        *("serve", path, "--image-shape", "64x64", "--out", tmp_path / "site")
    )
    assert result.code == 2
    assert "--image-shape is for entries, and an .onnx file keeps" in result.err
    assert str(path) in result.err


def test_it_serves_until_it_is_interrupted(run, exports, monkeypatch):
    served = []

    def serve_forever(server):
        served.append(server)
        raise KeyboardInterrupt

    monkeypatch.setattr(page.Server, "serve_forever", serve_forever)
    monkeypatch.setattr(serve, "named_models", lambda entries, shape: {})
    result = run("serve", "--port", "0")
    assert not result.code
    assert re.fullmatch(r"http://127.0.0.1:\d+/ until Ctrl-C\n", result.out)
    assert "index.html" in served[0].files
    assert not result.err
    result = run("serve", "--port", "0", "--host", "0.0.0.0")
    assert not result.code
    assert "warning: who reaches 0.0.0.0 over the network" in result.err


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("lrr_5x",), "Did you mean 'lrr_"),
        (("lrr_4x_vgg16",), "there are no trained weights of lrr_4x_vgg16"),
        (("CHANNELS",), "give the size that the page brings them to"),
        (("none.onnx",), "must be an entry"),
        (("--port", "70000"), "must be a number from 0 to 65535"),
        (("--port", "x"), "must be a number from 0 to 65535"),
        (("--host", ""), "--host must be a name or an address"),
        (("--host", "no such host"), "cannot listen on port 8000 of no such"),
        (("--image", "none.png"), "none.png"),
        (("--runtime", "none"), "must hold the files of onnxruntime-web"),
        (("--out", "/dev/null/site"), "argument --out: /dev/null/site"),
    ],
)
def test_wrong_usage(run, channels_entry, monkeypatch, tmp_path, argv, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERASSEG_HOME", str(tmp_path / "home"))
    argv = [channels_entry if word == "CHANNELS" else word for word in argv]
    result = run("serve", *argv)
    assert result.code == 2
    assert message in result.err
    assert not list(tmp_path.rglob("*.onnx"))


def test_a_port_that_is_taken(run, exports):
    with page.Server("127.0.0.1", 0) as other:
        result = run("serve", "--port", other.server_port)
    assert result.code == 2
    assert f"cannot listen on port {other.server_port}" in result.err
    assert "--port 0 any that is free" in result.err
    assert not exports


def test_without_a_network_the_browser_fetches(
    run, exports, channels_entry, monkeypatch, tmp_path
):
    def fail(folder):
        raise ConnectionError("no network")

    monkeypatch.setattr(page, "runtime_files", fail)
    monkeypatch.setattr(serve, "named_models", lambda entries, shape: {})
    result = run("serve", "--out", tmp_path / "site")
    assert not result.code
    assert "warning: no network" in result.err
    assert "The browser will try to fetch it" in result.err


def test_a_file_of_another_sidecar(run, exports, tmp_path):
    (tmp_path / "a.onnx").write_bytes(b"other")
    result = run("serve", tmp_path / "a.onnx")
    assert result.code == 2
    assert "a.onnx.json describes another file" in result.err


def test_what_is_not_installed(run, channels_entry, monkeypatch, tmp_path):
    monkeypatch.setenv("KERASSEG_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(page, "runtime_files", lambda folder: {})
    monkeypatch.setitem(sys.modules, "onnx", None)
    argv = (channels_entry, "--image-shape", "40x56", "--port", "0")
    result = run("serve", *argv)
    assert result.code == 2
    assert 'pip install "kerasseg[onnx]"' in result.err
