"""Engines of TensorRT for RTX, from NVIDIA's own builder."""

import json

import pytest

from kerasseg.cli.export import format_name
from kerasseg.data import Labels
from kerasseg.data import default_palette
from kerasseg.export import ExportError
from kerasseg.export import Gate
from kerasseg.export import read_sidecar
from kerasseg.export import to_tensorrt_rtx
from kerasseg.export import verify_file
from kerasseg.export.tensorrt_rtx import exporter
from kerasseg.export.tensorrt_rtx import library
from kerasseg.files import sha256

SHAPE = (32, 48)
LABELS = Labels(("road", "sky", "tree", "car"), default_palette(4))
pytestmark = pytest.mark.export
installed = pytest.mark.skipif(
    bool(library.find().reason), reason=library.find().reason or "installed"
)


@pytest.fixture
def refused(monkeypatch, tmp_path):
    """NVIDIA's builder is installed, and refuses every file."""

    def refuse(path, layers, engine):
        assert path.exists()
        raise ExportError("refused for a test")

    monkeypatch.setattr(library, "find", lambda: library.Library(tmp_path))
    monkeypatch.setattr(exporter, "judge", refuse)


@installed
@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
def test_an_engine_is_written_with_its_sidecar(tiny, tmp_path, precision, rng):
    path = tmp_path / "street.engine"
    images = rng.integers(0, 256, (6, *SHAPE, 3), "uint8")
    report = to_tensorrt_rtx(
        tiny,
        path,
        image_shape=SHAPE,
        precision=precision,
        calibration=images if precision == "int8" else None,
        gate=Gate(mask_agreement=0) if precision != "float32" else None,
        labels=LABELS,
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        *("street.engine", "street.engine.json"),
        *("street.onnx", "street.onnx.json"),
    ]
    assert path.read_bytes()[:4] == b"vtrt"
    content = read_sidecar(path)
    assert content["format"] == report.format == "tensorrt_rtx"
    assert content["sha256"] == report.sha256 == sha256(path)
    assert content["bytes"] == report.bytes == path.stat().st_size
    assert content["class_names"] == list(LABELS.class_names)
    assert content["versions"]["tensorrt_rtx"] == library.VERSION
    assert "as street.onnx in ONNX Runtime" in content["proof"]["verified_on"]
    assert report.latency_ms is None
    assert "not measured: the file was not run" in str(report)
    assert json.loads(json.dumps(report.to_json()))["latency_ms"] is None
    (judged,) = (note for note in report.notes if "Built by NVIDIA" in note)
    assert judged.endswith("Built from street.onnx.")


@installed
def test_an_engine_is_not_called_verified(tiny, tmp_path):
    path = tmp_path / "street.engine"
    to_tensorrt_rtx(tiny, path, image_shape=SHAPE)
    with pytest.raises(ExportError, match="street.engine was not run"):
        verify_file(path, tiny)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ExportError, match="bytes of it were changed"):
        verify_file(path, tiny)


def test_a_refusal_leaves_nothing(refused, tiny, tmp_path):
    path = tmp_path / "street.engine"
    with pytest.raises(ExportError, match="refused for a test"):
        to_tensorrt_rtx(tiny, path, image_shape=SHAPE)
    assert not list(tmp_path.iterdir())


def test_an_older_engine_stays_where_the_builder_refuses(
    refused, tiny, tmp_path
):
    path = tmp_path / "street.engine"
    path.write_bytes(b"older")
    with pytest.raises(ExportError, match="refused for a test"):
        to_tensorrt_rtx(tiny, path, image_shape=SHAPE)
    assert path.read_bytes() == b"older"


def test_without_the_library_nothing_is_converted(tiny, tmp_path, monkeypatch):
    absent = library.Library(None, "It is not here.")
    monkeypatch.setattr(library, "find", lambda: absent)
    monkeypatch.setattr(exporter, "export", None)
    with pytest.raises(ImportError, match="It is not here"):
        to_tensorrt_rtx(tiny, tmp_path / "x.engine", image_shape=SHAPE)


def test_another_end_is_refused(tiny, tmp_path):
    with pytest.raises(ValueError, match="must end with '.engine'"):
        to_tensorrt_rtx(tiny, tmp_path / "x.onnx", image_shape=SHAPE)


def test_hyphens_name_the_format_too():
    assert format_name("tensorrt-rtx") == "tensorrt_rtx"
