import json
import re

import pytest
from source import ROOT

from kerasseg.page import site_files
from kerasseg.page import write_site
from kerasseg.page.runtime import HASHES
from kerasseg.page.runtime import VERSION
from kerasseg.page.site import STATIC

pytestmark = pytest.mark.one_backend


def test_a_page_in_a_folder(tmp_path):
    model = tmp_path / "model.onnx"
    model.write_bytes(b"graph")
    model.with_name("model.onnx.json").write_text("{}")
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "own.txt").write_text("mine")
    files = site_files({"street": model, "other": model}, {"ort.mjs": model})
    write_site(files, folder)
    found = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert found == {*files, "own.txt"}
    assert {"index.html", "street.onnx", "runtime/ort.mjs"} <= found
    assert (folder / "other.onnx").read_bytes() == b"graph"
    assert (folder / "street.onnx.json").read_text() == "{}"
    settings = json.loads((folder / "site.json").read_text())
    models = ["street.onnx", "other.onnx"]
    assert settings == {"models": models, "image": None}


def test_the_page_is_whole():
    texts = {path.name: path.read_text("utf-8") for path in STATIC.iterdir()}
    for text in texts.values():
        for name in re.findall(r'(?:from "\./|href="|src=")(\w+\.\w+)"', text):
            assert name in texts
    ids = set(re.findall(r'id="(\w+)"', texts["index.html"]))
    used = re.findall(r'(?:element|press|pressed)\("(\w+)"', texts["page.js"])
    assert len(used) > 15
    assert set(used) <= ids


def test_the_versions_of_onnxruntime_web_agree():
    folder = ROOT / "export" / "web"
    package = json.loads((folder / "package.json").read_text())
    lock = json.loads((folder / "package-lock.json").read_text())
    assert package["dependencies"] == {"onnxruntime-web": VERSION}
    locked = lock["packages"]["node_modules/onnxruntime-web"]
    assert locked["version"] == VERSION
    model = (STATIC / "model.js").read_text("utf-8")
    assert f'VERSION = "{VERSION}"' in model
    assert any(name in model for name in HASHES)
