"""Files in int8 but for the layers that lose most by quantization."""

import json

import keras
import numpy as np
import pytest

from kerasseg.export import ExportError
from kerasseg.export import ExportReport
from kerasseg.export import Gate
from kerasseg.export import read_sidecar
from kerasseg.export import run_litert
from kerasseg.export import run_onnx
from kerasseg.export import to_litert
from kerasseg.export import to_onnx

SHAPE = (32, 48)
LOOSE = Gate(miou_loss=1.0, mask_agreement=0.5)
FORMATS = {
    "litert": (to_litert, run_litert, ".tflite"),
    "onnx": (to_onnx, run_onnx, ".onnx"),
}

pytestmark = pytest.mark.export


@pytest.fixture(scope="module")
def images():
    """Images for calibration."""
    return np.random.default_rng(5).integers(0, 256, (4, *SHAPE, 3), "uint8")


@pytest.fixture(scope="module")
def saturated(build_once):
    """A segmenter whose first layer exceeds what its activation lets pass."""
    model = build_once()
    stem = model.get_layer("stem")
    stem.set_weights([40 * weight for weight in stem.get_weights()])
    return model


@pytest.fixture(scope="module", params=list(FORMATS))
def exported(request, saturated, images, tmp_path_factory):
    """Paths and reports of both precisions."""
    write, _, suffix = FORMATS[request.param]
    folder = tmp_path_factory.mktemp("mixed")
    found = {}
    for precision in ("int8", "mixed"):
        path = folder / f"{precision}{suffix}"
        found[precision] = (
            path,
            write(
                saturated,
                path,
                image_shape=SHAPE,
                precision=precision,
                calibration=images,
                gate=LOOSE,
            ),
        )
    return found


def test_the_worst_layers_are_measured(exported):
    _, report = exported["int8"]
    names = [name for name, _ in report.worst_layers]
    errors = [error for _, error in report.worst_layers]
    assert names[0] == "stem"
    assert 0 < len(names) <= 5
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 0.6
    (line,) = (x for x in str(report).splitlines() if x.startswith("worst"))
    assert f"stem {errors[0]:.2f}," in line
    rebuilt = ExportReport.from_json(json.loads(json.dumps(report.to_json())))
    assert rebuilt == report


def test_the_worst_layers_and_the_scores_stay_float(exported):
    path, report = exported["mixed"]
    (note,) = (note for note in report.notes if note.startswith("Left in"))
    assert "stem" in note
    assert "logits" in note
    assert not {"stem", "logits"} & dict(report.worst_layers).keys()
    assert report.input_dtype == (
        "uint8" if report.format == "litert" else "float32"
    )
    assert report.output_dtype == "float32"
    assert report.output_quantization is None
    assert read_sidecar(path)["precision"] == "mixed"
    assert report.operators != exported["int8"][1].operators


def test_mixed_loses_less(exported, saturated, images):
    (_, quantized), (path, mixed) = exported["int8"], exported["mixed"]
    assert mixed.mean_error < quantized.mean_error
    _, run, _ = FORMATS[mixed.format]
    found = run(path, images)
    expected = np.asarray(saturated(images.astype("float32"), training=False))
    assert np.abs(found - expected).mean() == pytest.approx(
        mixed.mean_error, rel=1e-3
    )


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_left_to_quantize(tmp_path, images, form):
    pixels = keras.Input((*SHAPE, 3))
    logits = keras.layers.Conv2D(3, 1, name="logits")(pixels)
    write, _, suffix = FORMATS[form]
    expected = r'left to quantize.*\(logits\).*"float16" or "float32"'
    with pytest.raises(ExportError, match=expected):
        write(
            keras.Model(pixels, logits),
            tmp_path / f"a{suffix}",
            precision="mixed",
            calibration=images,
        )


def test_the_gain_over_float32_is_measured(exported):
    for _, report in exported.values():
        ratio = report.float32_latency_ms / report.latency_ms
        assert report.speedup == ratio
        assert f"{ratio:.2f} times as fast as float32" in str(report)
