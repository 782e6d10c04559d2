"""The U-Nets through the exporters, at a size that needs padding."""

import arithmetic
import numpy as np
import pytest

from kerasseg.backbones import mobilenet_v2
from kerasseg.export import to_litert
from kerasseg.export import to_onnx
from kerasseg.export import to_saved_model
from kerasseg.models import pixel_dcl_unet

pytestmark = [pytest.mark.slow, pytest.mark.export]


def lively(backbone=None, **arguments):
    """A U-Net whose logits vary although it was never trained."""
    model = pixel_dcl_unet(3, backbone, filters=8, **arguments)
    arithmetic.unsettle(model, np.random.default_rng(1))
    return model


def check(report):
    assert report.output_shape == (1, 70, 100, 3)
    assert report.logit_range > 1e-3
    assert report.relative_error < 1e-4
    assert report.mask_agreement >= 0.9999
    assert not report.notes


@pytest.mark.parametrize(
    ("exporter", "suffix"),
    [(to_saved_model, ""), (to_litert, ".tflite"), (to_onnx, ".onnx")],
)
@pytest.mark.parametrize("upsampling", ["deconv", "pixel_dcl", "ipixel_dcl"])
def test_on_a_backbone(tmp_path, upsampling, exporter, suffix):
    model = lively(mobilenet_v2(alpha=0.35), upsampling=upsampling)
    report = exporter(model, tmp_path / f"x{suffix}", image_shape=(70, 100))
    check(report)
    operators = report.operators or {}
    assert "TRANSPOSE" not in operators
    assert operators.get("Transpose", 0) <= 2


@pytest.mark.parametrize(
    ("exporter", "suffix"), [(to_litert, ".tflite"), (to_onnx, ".onnx")]
)
@pytest.mark.parametrize("reference", [False, True])
def test_the_authors(tmp_path, reference, exporter, suffix):
    model = lively(reference=reference)
    check(exporter(model, tmp_path / f"x{suffix}", image_shape=(70, 100)))
