"""U-Nets that are no entries of the zoo through the exporters."""

import numpy as np
import pytest
from stand_ins import randomize

from kerasseg.export import to_litert
from kerasseg.export import to_onnx
from kerasseg.export import to_saved_model
from kerasseg.models import pixel_dcl_unet

pytestmark = [pytest.mark.slow, pytest.mark.export]


def lively(backbone=None, **arguments):
    """A U-Net whose logits vary although it was never trained."""
    model = pixel_dcl_unet(3, backbone, filters=8, **arguments)
    randomize(model, np.random.default_rng(1))
    return model


def check(report):
    assert report.output_shape == (1, 70, 100, 3)
    assert report.logit_range > 1e-3
    assert report.relative_error < 1e-4
    assert report.mask_agreement >= 0.9999
    assert not [x for x in report.notes if "serving_encoded" not in x]


@pytest.mark.by_day(1)
@pytest.mark.parametrize(
    ("exporter", "suffix"),
    [(to_saved_model, ""), (to_litert, ".tflite"), (to_onnx, ".onnx")],
)
def test_transposed_convolutions_on_a_backbone(
    tmp_path, make_backbone, exporter, suffix
):
    model = lively(make_backbone(), upsampling="deconv")
    report = exporter(model, tmp_path / f"x{suffix}", image_shape=(70, 100))
    check(report)
    operators = report.operators or {}
    assert "TRANSPOSE" not in operators
    assert operators.get("Transpose", 0) <= 2


@pytest.mark.by_day(1)
@pytest.mark.parametrize(
    ("exporter", "suffix"), [(to_litert, ".tflite"), (to_onnx, ".onnx")]
)
def test_ordinary_normalization(tmp_path, exporter, suffix):
    check(exporter(lively(), tmp_path / f"x{suffix}", image_shape=(70, 100)))
