import argparse
import dataclasses
import json

import pytest
from source import ROOT

import kerasseg.benchmark
from kerasseg import data
from kerasseg import export
from kerasseg import zoo
from kerasseg.benchmark import Timing
from kerasseg.export.tensorrt_rtx import library

PAGE = ROOT / "docs" / "export.md"


ON_THE_CPU = ("saved_model", "litert", "onnx", "openvino")


class Reports:
    """Exporters that remember what they wrote, and lose what they are told."""

    def __init__(self, monkeypatch):
        self.written = []
        self.losses = {"int8": 0.002}
        self.refused = {}
        for form in (*ON_THE_CPU, "tensorrt_rtx"):
            monkeypatch.setattr(
                export, f"to_{form}", self._writer(form), raising=False
            )

    def _writer(self, form):
        def write(model, path, *, precision="float32", **options):
            self.written.append((form, precision))
            if (form, precision) in self.refused:
                raise self.refused[form, precision]
            path.write_bytes(b"graph")
            loss = self.losses.get(precision, 0.0)
            return Report(path, form, precision, 0.7, 0.7 - loss)

        return write


@dataclasses.dataclass
class Report:
    path: str
    format: str
    precision: str
    miou_before: float
    miou_after: float
    mask_agreement: float = 0.999
    bytes: int = 1_500_000
    versions: tuple = ()

    def to_json(self):
        fields = dataclasses.asdict(self)
        return {**fields, "path": str(self.path), "versions": {"keras": "3"}}


class Images:
    """Seven test images by name."""

    names = tuple("abcdefg")

    def __len__(self):
        return len(self.names)

    def subset(self, names):
        return list(names)


@pytest.fixture
def reports(monkeypatch):
    monkeypatch.setattr(zoo, "load", lambda name: name)
    monkeypatch.setattr(data, "load", lambda name, split: Images())
    return Reports(monkeypatch)


@pytest.fixture
def timed(monkeypatch):
    """Replaces the measurement; returns the names of what it timed."""
    names = []

    def from_file(path):
        return kerasseg.benchmark.Target(
            path.name, str(path), "onnx", (1, 8, 8, 3)
        )

    def measure(targets, threads, rounds):
        names.append([target.name for target in targets])
        return [
            Timing(target, 1, ((0.01 * (number + 1),),), peak_bytes=10**7)
            for number, target in enumerate(targets)
        ]

    monkeypatch.setattr(kerasseg.benchmark.Target, "from_file", from_file)
    monkeypatch.setattr(kerasseg.benchmark, "measure", measure)
    return names


@pytest.fixture
def matrix(script):
    return script("export_matrix")


@pytest.fixture
def call(matrix, tmp_path):
    """Fills the matrix of one entry; returns its cells."""

    def call(formats=("onnx", "litert"), **changes):
        args = argparse.Namespace(
            entries=["lrr_4x"],
            formats=formats,
            images=3,
            rounds=2,
            threads=1,
            again=False,
        )
        vars(args).update(changes)
        store = matrix.Store(tmp_path / "docs" / "export.json")
        matrix.run(args, tmp_path, store)
        stored = json.loads(store.path.read_text())
        assert stored == store.content
        return stored["cells"]["lrr_4x"]

    return call


def test_a_cell_is_done_once(call, reports, timed):
    cells = call()
    assert len(cells) == len(reports.written) == 6
    names = timed[0]
    assert names[0] == "lrr_4x_onnx_float32.onnx"
    assert len(names) == 6
    assert cells["litert int8"]["stamp"]["images"] == 3
    assert cells["onnx float32"]["timing"]["ratio"] == 1
    assert cells == call()
    assert len(reports.written) == 6
    assert len(timed) == 1


@pytest.mark.nightly
def test_stale_cells_are_done_again(call, reports, timed, monkeypatch):
    before = call(("onnx",))
    cells = call(("onnx",), images=0)
    assert cells["onnx int8"]["stamp"]["images"] == 0
    assert len(reports.written) == 6
    # The proof is another, the time of the file is not.
    assert cells["onnx int8"]["timing"] == before["onnx int8"]["timing"]
    assert len(timed) == 1
    monkeypatch.setattr(kerasseg, "__version__", "99")
    cells = call(("onnx",), images=0)
    assert cells["onnx int8"]["stamp"]["kerasseg"] == "99"
    assert len(reports.written) == 9
    assert len(timed) == 2
    call(("onnx",), images=0, again=True)
    assert len(reports.written) == 12
    assert len(timed) == 3


def test_times_can_come_later(call, reports, timed, tmp_path):
    cells = call(("litert",), rounds=0)
    assert not timed
    assert not any(cell.get("timing") for cell in cells.values())
    cells = call(("litert",))
    assert reports.written[3:] == [("onnx", "float32")]
    assert timed[0][0] == "lrr_4x_onnx_float32.onnx"
    assert cells["litert int8"]["timing"]["ratio"] == pytest.approx(4)


@pytest.mark.nightly
def test_a_file_that_has_gone_is_made_again_to_be_timed(
    call, reports, timed, tmp_path
):
    call(("onnx",), rounds=0)
    (tmp_path / "lrr_4x_onnx_int8.onnx").unlink()
    call(("onnx",), rounds=0)
    assert len(reports.written) == 3
    call(("onnx",))
    assert reports.written[3:] == [("onnx", "int8")]


def test_a_refused_export_is_shown_with_its_reason(
    call, reports, timed, tmp_path
):
    reports.refused = {
        ("onnx", "int8"): export.ExportError("loses\n too much"),
        ("litert", "float16"): RuntimeError("out of luck"),
    }
    cells = call()
    assert cells["onnx int8"]["status"] == "refused"
    page = (tmp_path / "docs" / "export.md").read_text()
    assert "- ONNX int8, refused: loses too much\n" in page
    assert "- LiteRT float16, failed: RuntimeError: out of luck\n" in page
    reports.written.clear()
    call()
    # What failed for another reason is tried again.
    assert reports.written == [("litert", "float16")]


def test_the_page(call, reports, timed, tmp_path):
    reports.losses = {"float16": 0.0005, "int8": 0.02}
    call(("onnx", "saved_model"))
    page = (tmp_path / "docs" / "export.md").read_text()
    summary = "| `lrr_4x` | +0.00 | - | - | - | +0.00 | -0.05 | **-2.00** | - |"
    assert summary in page
    assert "| ONNX int8 | 99.900 % | 68.00 % | **-2.00** | 1.50 | " in page
    assert (
        "| ONNX float32 | 99.900 % | 70.00 % | +0.00 | 1.50 | 1.00 | " in page
    )
    assert "3 scored images of camvid" in page


def test_a_file_that_could_not_be_timed_is_reported(matrix):
    cell = {
        "status": "verified",
        "reason": None,
        "stamp": {
            "images": 0,
            "image_shape": [8, 8, 3],
            "dataset": "camvid",
            "weights_sha256": "0" * 64,
        },
        "report": Report("x", "onnx", "float32", 0.7, 0.7).to_json(),
        "timing": {"error": "killed"},
    }
    page = matrix.render({"cells": {"net": {"onnx float32": cell}}})
    assert "- ONNX float32, not timed: killed\n" in page
    assert "8 x 8, all scored images of camvid" in page


@pytest.fixture
def builder(monkeypatch, tmp_path):
    """NVIDIA's libraries are there."""
    found = library.Library(tmp_path)
    monkeypatch.setattr(library, "find", lambda: found)


def test_engines_are_built_once(call, reports, timed, builder, tmp_path):
    reports.refused = {
        ("tensorrt_rtx", "int8"): export.ExportError("NVIDIA\n says no")
    }
    cells = call(("tensorrt_rtx",))
    assert reports.written == [
        ("tensorrt_rtx", precision)
        for precision in ("float32", "float16", "int8")
    ]
    mark = cells["tensorrt_rtx float16"]["stamp"]
    assert (mark["images"], mark["builder"]) == (8, library.PACKAGE_VERSION)
    page = (tmp_path / "docs" / "export.md").read_text()
    row = "| `lrr_4x` | 1.5 MB, 99.90 % | 1.5 MB, 99.90 % | refused |\n"
    assert row in page.partition("## TensorRT for RTX builds it")[2]
    assert "- `lrr_4x` int8: NVIDIA says no\n" in page
    assert not timed
    assert call(("tensorrt_rtx",)) == cells
    assert len(reports.written) == 3
    call(("tensorrt_rtx",), again=True)
    assert len(reports.written) == 6


def test_no_engines_without_the_builder(call, reports, timed, monkeypatch):
    missing = library.Library(None, "it is not installed")
    monkeypatch.setattr(library, "find", lambda: missing)
    cells = call(("onnx", "tensorrt_rtx"), rounds=0)
    assert sorted(cells) == ["onnx float16", "onnx float32", "onnx int8"]


@pytest.mark.skipif(not PAGE.exists(), reason="no matrix has been made yet")
def test_the_page_is_that_of_the_figures(matrix):
    content = json.loads(PAGE.with_suffix(".json").read_text())
    page = PAGE.read_text(encoding="utf-8")
    assert matrix.render(content) == page, "run export_matrix.py --render"
