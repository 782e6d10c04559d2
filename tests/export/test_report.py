import json

import pytest

from kerasseg.export import ExportReport
from kerasseg.export import read_sidecar
from kerasseg.export.sidecar import describe
from kerasseg.export.sidecar import sidecar_path


@pytest.fixture
def report():
    """A report as an exporter makes it."""
    return ExportReport(
        format="onnx",
        path="street.onnx",
        precision="float32",
        output="logits",
        backend="tensorflow",
        input_shape=(1, 32, 48, 3),
        output_shape=(1, 32, 48, 4),
        images=4,
        verified_on="seeded random images",
        max_error=1e-5,
        mean_error=1e-6,
        logit_range=10.0,
        mask_agreement=0.99995,
        ties=2,
        miou_before=0.671,
        miou_after=0.6709,
        operators={"Conv": 4, "Resize": 1},
        bytes=1234567,
        seconds=4.2,
        convert_seconds=3.1,
        latency_ms=12.34,
        threads=2,
        versions={"keras": "3.15.1"},
        sha256="ab" * 32,
        notes=("Rebuilt.",),
    )


def test_the_table_says_what_matters(report):
    lines = str(report).splitlines()
    table = dict(line.split("  ", 1) for line in lines)
    assert table["mask agreement"].strip() == "99.9950 %, and 2 pixels tied"
    assert "67.10 % in Keras, 67.09 % in the file" in str(report)
    assert "1e-05 (1e-06 of the range 10)" in str(report)
    assert "Conv 4, Resize 1" in str(report)
    assert "12.3 ms, 2 threads" in str(report)
    assert "Rebuilt." in str(report)


def test_json_round_trip(report, tmp_path):
    assert ExportReport.from_json(report.to_json()) == report
    report.save(tmp_path / "report.json")
    saved = json.loads((tmp_path / "report.json").read_text())
    assert ExportReport.from_json(saved) == report
    assert [p.name for p in tmp_path.iterdir()] == ["report.json"]


def test_the_sidecar_needs_no_keras(report, tmp_path):
    content = describe(report)
    assert content["input"]["shape"] == [1, 32, 48, 3]
    assert content["input"]["range"] == [0, 255]
    assert content["class_names"] is None
    assert content["num_classes"] == 4
    path = tmp_path / "street.onnx"
    assert sidecar_path(path).name == "street.onnx.json"
    sidecar_path(path).write_text(json.dumps(content))
    assert read_sidecar(path) == content


def test_a_sidecar_that_is_missing_or_broken(tmp_path):
    path = tmp_path / "street.onnx"
    with pytest.raises(ValueError, match="must have a readable sidecar"):
        read_sidecar(path)
    sidecar_path(path).write_text("{")
    with pytest.raises(ValueError, match="must have a readable sidecar"):
        read_sidecar(path)
