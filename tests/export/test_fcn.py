"""FCN through the exporters, at a size that needs padding."""

import keras
import pytest
from stand_ins import shake
from stand_ins import tiny_backbone

from kerasseg.backbones import mobilenet_v2
from kerasseg.export import to_litert
from kerasseg.export import to_onnx
from kerasseg.export import to_saved_model
from kerasseg.models import fcn

pytestmark = [pytest.mark.slow, pytest.mark.export]

EXPORTERS = [(to_saved_model, ""), (to_litert, ".tflite"), (to_onnx, ".onnx")]


def lively(variant):
    """An FCN on MobileNetV2 whose logits vary although it is new."""
    keras.utils.set_random_seed(1)
    return shake(fcn(3, mobilenet_v2(alpha=0.35), variant=variant))


@pytest.mark.parametrize(("exporter", "suffix"), EXPORTERS)
@pytest.mark.parametrize("variant", ["32s", "8s"])
def test_fcn(tmp_path, variant, exporter, suffix):
    path = tmp_path / ("fcn" + suffix)
    report = exporter(lively(variant), path, image_shape=(70, 100))
    assert report.output_shape == (1, 70, 100, 3)
    assert report.logit_range > 1e-3
    assert report.relative_error < 1e-4
    assert report.mask_agreement >= 0.9999
    assert not report.notes


@pytest.mark.parametrize(("exporter", "suffix"), EXPORTERS)
def test_learned_upsamplings(tmp_path, exporter, suffix):
    model = shake(fcn(3, tiny_backbone(), learn_upsampling=True))
    path = tmp_path / ("fcn" + suffix)
    report = exporter(model, path, image_shape=(70, 100))
    assert report.output_shape == (1, 70, 100, 3)
    assert report.relative_error < 1e-4
    assert not report.notes
