"""The project's own model through every exporter."""

import keras
import numpy as np
import pytest

from kerasseg.export import Gate
from kerasseg.export import to_litert
from kerasseg.export import to_onnx
from kerasseg.export import to_saved_model
from kerasseg.models import lrr

pytestmark = [pytest.mark.slow, pytest.mark.export]


@pytest.fixture(scope="module")
def lively():
    """An `lrr` whose logits vary although it was never trained."""
    keras.utils.set_random_seed(1)
    model = lrr(3)
    generator = np.random.default_rng(1)
    for variable in model.variables:
        values = np.asarray(variable)
        if "moving_variance" in variable.path:
            variable.assign(generator.uniform(0.05, 0.2, values.shape))
        elif values.ndim == 4 and not values.any():
            variable.assign(generator.normal(0, 0.1, values.shape))
    return model


@pytest.mark.parametrize(
    ("exporter", "suffix"),
    [(to_saved_model, ""), (to_litert, ".tflite"), (to_onnx, ".onnx")],
)
def test_lrr_at_a_size_that_needs_padding(lively, tmp_path, exporter, suffix):
    path = tmp_path / ("lrr" + suffix)
    report = exporter(lively, path, image_shape=(70, 100))
    assert report.output_shape == (1, 70, 100, 3)
    assert report.logit_range > 1e-3
    assert report.relative_error < 1e-4
    assert report.mask_agreement >= 0.9999
    assert not report.notes


def test_litert_needs_no_transposes(lively, tmp_path):
    report = to_litert(lively, tmp_path / "x.tflite", image_shape=(64, 96))
    assert "TRANSPOSE" not in report.operators
    assert "SHAPE" not in report.operators


def test_int8_litert_computes_in_integers(lively, tmp_path, rng):
    images = rng.integers(0, 256, (2, 70, 100, 3), "uint8")
    report = to_litert(
        lively,
        tmp_path / "x.tflite",
        image_shape=(70, 100),
        precision="int8",
        calibration=images,
        gate=Gate(mask_agreement=0.5),
    )
    assert report.input_quantization == {"scale": 1.0, "zero_point": 0}
    # The negation in BoundaryMask has no int8 form in LiteRT.
    assert report.notes == (
        "Computed in float, for want of an int8 form: NEG.",
    )
