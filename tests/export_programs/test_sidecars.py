"""The programs refuse a sidecar that is not as an exporter wrote it."""

import json
import shutil
import subprocess

import numpy as np
import pytest
from damage import damaged_bytes
from damage import draw
from damage import edits
from damage import same
from PIL import Image
from sidecars import described
from source import ROOT
from source import load_program

from kerasseg.export import schema
from kerasseg.page.site import STATIC

PROGRAMS = ROOT / "export"
GRAPH = b"graph"

# In node, without a runtime: what openModel says of a file and its sidecar.
PAGE = """
import { readFileSync } from "node:fs";
import { openModel } from "./model.mjs";
const create = () => { throw new Error("accepted"); };
for (const text of JSON.parse(readFileSync("sidecars.json", "utf-8"))) {
  const content = new TextEncoder().encode("graph");
  await openModel({ InferenceSession: { create } }, content, JSON.parse(text))
    .catch((error) => console.log(error.message));
}
"""


@pytest.fixture(scope="module")
def segmenter():
    return load_program("onnxruntime_python/segment.py")


@pytest.fixture(scope="module", params=["segment", "triton"])
def reader(request, segmenter):
    """What reads a file and its sidecar, in a program."""
    if request.param == "segment":
        return segmenter.read_sidecar
    return load_program("triton/make_repository.py").read


@pytest.fixture
def refused(tmp_path, reader):
    """Whether the program refuses bytes as a sidecar, and says so."""
    path = tmp_path / "net.onnx"
    path.write_bytes(GRAPH)

    def refused(content):
        (tmp_path / "net.onnx.json").write_bytes(content)
        try:
            reader(path)
        except (ValueError, OverflowError, RecursionError):
            return True
        return False

    return refused


def test_what_is_written_is_read(refused):
    content = described(GRAPH)
    assert not refused(json.dumps(content).encode())
    assert not refused(json.dumps(content, indent=3, sort_keys=True).encode())
    first = {**content, "schema": 1}
    del first["seal"]
    assert not refused(json.dumps(first).encode())


def test_no_edit_of_one_field_passes(refused):
    count = 0
    for path, edited in edits(described(GRAPH)):
        count += 1
        text = json.dumps(edited).encode("utf-8", "surrogatepass")
        assert refused(text), path
    assert count > 1000


@pytest.mark.parametrize(
    "cases",
    [range(300), pytest.param(range(20_000), marks=pytest.mark.nightly)],
)
def test_damaged_sidecars(refused, cases):
    content = described(GRAPH)
    for case in cases:
        text = draw(content, np.random.default_rng([20160, case]))
        if not refused(text):
            assert same(json.loads(text), content), case


def test_what_is_used_is_of_its_kind_even_with_a_new_seal(segmenter):
    """Such as a palette of texts, which no image can be painted with."""
    image = Image.new("RGB", (40, 40), (9, 99, 199))
    ids = np.zeros((40, 40), "int32")
    used = 0
    for path, edited in edits(described(GRAPH)):
        edited["seal"] = schema.seal_of(edited)
        try:
            segmenter.check(edited)
        except (ValueError, OverflowError):
            continue
        used += 1
        try:
            pixels = segmenter.prepare(image, edited["input"])
            assert list(pixels.shape) == edited["input"]["shape"]
            logits = np.zeros(edited["output"]["shape"])
            segmenter.class_ids(logits, edited["output"])
            names = segmenter.names_of(edited)
            colors = edited["palette"] or segmenter.voc_colors(len(names))
            segmenter.overlay(image, ids, names, colors)
            segmenter.shares(ids, edited)
        except Exception as error:
            error.add_note(f"{path}: {edited}")
            raise
    assert used > 100


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_the_page_knows_an_edited_sidecar(tmp_path):
    shutil.copy(STATIC / "model.js", tmp_path / "model.mjs")
    (tmp_path / "page.mjs").write_text(PAGE)
    content = described(GRAPH, class_names=["ciel à 9 h", "🚦道路"])
    changed = [edited for _, edited in edits(content)]
    texts = [json.dumps(value) for value in (content, *changed)]
    texts.append(json.dumps(content, indent=1, sort_keys=True))
    rng = np.random.default_rng(3)
    for _ in range(200):
        text = damaged_bytes(texts[0].encode(), rng).decode("utf-8", "replace")
        try:
            if not same(json.loads(text), content):
                texts.append(text)
        except (ValueError, RecursionError):
            continue
    first = {**content, "schema": 1}
    del first["seal"]
    texts.append(json.dumps(first))
    (tmp_path / "sidecars.json").write_text(json.dumps(texts))
    command = ["node", "page.mjs"]
    answer = subprocess.run(
        command, cwd=tmp_path, check=True, capture_output=True, text=True
    )
    told = answer.stdout.splitlines()
    assert len(told) == len(texts)
    accepted = [i for i, line in enumerate(told) if line == "accepted"]
    assert accepted == [0, len(changed) + 1, len(texts) - 1]
