import json

import pytest

from kerasseg.export import ExportReport
from kerasseg.export import read_sidecar
from kerasseg.export.proof.result import Proof
from kerasseg.export.report import Artifact
from kerasseg.export.report import Timing
from kerasseg.export.sidecar import describe
from kerasseg.export.sidecar import sealed
from kerasseg.export.sidecar import sidecar_path


@pytest.fixture
def report():
    """A report as an exporter makes it."""
    return ExportReport(
        artifact=Artifact(
            format="onnx",
            path="street.onnx",
            precision="float32",
            output="logits",
            backend="tensorflow",
            input_shape=(1, 32, 48, 3),
            output_shape=(1, 32, 48, 4),
            layout="NHWC",
            input_dtype="float32",
            output_dtype="float32",
            num_classes=4,
            operators={"Conv": 4, "Resize": 1},
            bytes=1234567,
            sha256="ab" * 32,
            versions={"keras": "3.15.1"},
        ),
        proof=Proof(
            images=4,
            verified_on="seeded random images",
            max_error=1e-5,
            mean_error=1e-6,
            logit_range=10.0,
            mask_agreement=0.99995,
            ties=2,
            miou_before=0.671,
            miou_after=0.6709,
            gate="mask agreement 99.9950 %, at least 99.99 % required",
        ),
        timing=Timing(
            latency_ms=12.34, threads=2, seconds=4.2, convert_seconds=3.1
        ),
        notes=("Rebuilt.",),
    )


def changed(report, **changes):
    """The report with other figures, whichever part they belong to."""
    return ExportReport.from_json({**report.to_json(), **changes})


def test_the_table_says_what_matters(report):
    lines = str(report).splitlines()
    table = dict(line.split("  ", 1) for line in lines)
    assert table["mask agreement"].strip() == "99.9950 %, and 2 pixels tied"
    assert "%, and 1 pixel tied" in str(changed(report, ties=1))
    assert "67.10 % in Keras, 67.09 % in the file" in str(report)
    assert "1e-05 (1e-06 of the range 10)" in str(report)
    assert "Conv 4, Resize 1" in str(report)
    assert "12.3 ms, 2 threads" in str(report)
    assert "Rebuilt." in str(report)


def test_a_mask_in_integers(report):
    scale = {"scale": 1.0, "zero_point": -128}
    report = changed(
        report,
        output="mask",
        output_shape=(1, 32, 48),
        output_dtype="uint8",
        max_error=None,
        mean_error=None,
        input_dtype="int8",
        input_quantization=scale,
    )
    text = str(report)
    assert "images 1x32x48x3 NHWC int8, 0..255 (scale 1, zero point" in text
    assert "mask 1x32x48 uint8" in text
    assert "logit error" not in text
    assert report.relative_error is None
    assert report.miou_loss == pytest.approx(0.0001)
    content = describe(report)
    assert content["num_classes"] == 4
    assert content["input"]["quantization"] == scale
    assert content["input"]["range"] == [0, 255]
    assert content["output"]["layout"] == "NHW"
    assert content["output"]["meaning"] == "class id of each pixel"
    assert ExportReport.from_json(report.to_json()) == report


def test_the_cost_of_the_output_is_always_shown(report):
    shares = {"Conv": 0.9, "Add": 0.04, "Resize": 0.03, "ArgMax": 0.02}
    report = changed(report, time_shares=shares)
    assert "Conv 90 %, Resize 3 %, ArgMax 2 %" in str(report)
    assert ExportReport.from_json(report.to_json()) == report


def test_json_round_trip(report, tmp_path):
    assert ExportReport.from_json(report.to_json()) == report
    report.save(tmp_path / "report.json")
    saved = json.loads((tmp_path / "report.json").read_text())
    assert ExportReport.from_json(saved) == report
    assert [p.name for p in tmp_path.iterdir()] == ["report.json"]


def test_the_sidecar_needs_no_keras(report, tmp_path):
    content = sealed(describe(report))
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
