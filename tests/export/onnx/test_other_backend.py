import importlib.util
import sys

import keras
import numpy as np
import pytest
from stand_ins import randomize
from stand_ins import tiny_backbone

from kerasseg import models
from kerasseg.export import ExportError
from kerasseg.export import Gate
from kerasseg.export import run_onnx
from kerasseg.export import to_onnx
from kerasseg.export.errors import require
from kerasseg.export.onnx import converters

SHAPE = (32, 48)


@pytest.mark.parametrize("exporter", ["onnx", "jax", 18])
def test_an_unknown_exporter_is_refused(model, tmp_path, exporter):
    with pytest.raises(ValueError, match="`exporter` must be .*'tf2onnx', 'to"):
        to_onnx(
            model, tmp_path / "x.onnx", image_shape=SHAPE, exporter=exporter
        )
    assert not list(tmp_path.iterdir())


def test_the_extra_is_named(model, tmp_path, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *more: None if name == "torch" else find(name, *more),
    )
    with pytest.raises(ImportError, match=r"'torch'.*kerasseg\[onnx-torch\]"):
        to_onnx(model, tmp_path / "x.onnx", image_shape=SHAPE, exporter="torch")


def test_what_no_extra_brings_is_installed_by_its_name(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax2onnx", None)
    # OpenVINO and TensorRT, which need it too, have no `exporter`.
    with pytest.raises(
        ImportError,
        match="pip install jax2onnx, or set KERAS_BACKEND=tensorflow, .*"
        r'`to_onnx\(exporter="tf2onnx"\)`.*--to onnx --exporter tf2onnx`',
    ):
        require("jax2onnx", "onnx")


def test_the_usual_exporter_is_that_of_the_backend():
    names = {"tensorflow": "tf2onnx", "torch": "torch", "jax": "jax"}
    expected = names[keras.backend.backend()]
    assert converters.check_exporter(None) == expected


def test_a_backend_for_prediction_exports_nothing(model, tmp_path, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "numpy")
    with pytest.raises(ValueError, match="on the Keras backend tensorflow, to"):
        to_onnx(model, tmp_path / "x.onnx", image_shape=SHAPE)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.export
def test_a_layer_that_cannot_be_imported_is_named(model, tmp_path):
    pytest.importorskip("onnxscript")
    with pytest.raises(ExportError, match="'torch' failed.*PixelShuffle"):
        to_onnx(model, tmp_path / "x.onnx", image_shape=SHAPE, exporter="torch")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.export
@pytest.mark.parametrize(
    ("build", "options"),
    [
        (models.bilinear, {}),
        pytest.param(models.lrr, {"num_bases": 2}, marks=pytest.mark.nightly),
    ],
)
def test_both_exporters_agree(tmp_path, rng, build, options):
    """As for every entry at night, see tests/zoo/test_every_entry.py."""
    pytest.importorskip("onnxscript")
    model = randomize(build(3, tiny_backbone(), **options), keep=True)
    images = rng.uniform(0, 255, (2, *SHAPE, 3)).astype("float32")
    logits = {}
    for exporter in ("tf2onnx", "torch"):
        path = tmp_path / f"{exporter}.onnx"
        report = to_onnx(model, path, image_shape=SHAPE, exporter=exporter)
        assert exporter in report.versions
        logits[exporter] = run_onnx(path, images)
    first, second = logits.values()
    assert np.abs(first - second).max() <= 1e-4 * np.ptp(first)


@pytest.mark.slow
@pytest.mark.export
@pytest.mark.parametrize(
    "precision", ["int8", pytest.param("mixed", marks=pytest.mark.nightly)]
)
def test_integers_lose_no_more_by_either_exporter(tmp_path, rng, precision):
    pytest.importorskip("onnxscript")
    model = randomize(models.bilinear(3, tiny_backbone()), keep=True)
    images = rng.integers(0, 256, (4, *SHAPE, 3), "uint8")
    usual, other = (
        to_onnx(
            model,
            tmp_path / f"{exporter}.onnx",
            image_shape=SHAPE,
            exporter=exporter,
            precision=precision,
            calibration=images,
            gate=Gate(mask_agreement=0.5),
        )
        for exporter in ("tf2onnx", "torch")
    )
    # Batch normalization went into the convolutions.
    assert "Sub" not in other.operators
    assert other.operators["Conv"] == usual.operators["Conv"]
    assert other.operators["QuantizeLinear"] > 4
    assert other.mean_error < 1.2 * usual.mean_error


@pytest.mark.nightly
@pytest.mark.export
def test_the_other_choices_hold(tmp_path):
    pytest.importorskip("onnxscript")
    model = randomize(models.bilinear(3, tiny_backbone()), keep=True)
    path = tmp_path / "x.onnx"
    report = to_onnx(
        model,
        path,
        image_shape=SHAPE,
        exporter="torch",
        precision="float16",
        output="mask",
        layout="NCHW",
    )
    assert report.input_shape == (1, 3, *SHAPE)
    assert report.output_shape == (1, *SHAPE)
    assert run_onnx(path, np.zeros((1, *SHAPE, 3))).dtype == np.uint8
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "x.onnx",
        "x.onnx.json",
    ]
