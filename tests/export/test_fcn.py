"""An FCN that is no entry of the zoo through the exporters."""

import pytest
from stand_ins import randomize
from stand_ins import tiny_backbone

from kerasseg.export import to_litert
from kerasseg.export import to_onnx
from kerasseg.export import to_saved_model
from kerasseg.models import fcn

pytestmark = [pytest.mark.slow, pytest.mark.export]

EXPORTERS = [(to_saved_model, ""), (to_litert, ".tflite"), (to_onnx, ".onnx")]


@pytest.mark.by_day(1)
@pytest.mark.parametrize(("exporter", "suffix"), EXPORTERS)
def test_learned_upsamplings(tmp_path, exporter, suffix):
    model = randomize(fcn(3, tiny_backbone(), learn_upsampling=True), keep=True)
    path = tmp_path / ("fcn" + suffix)
    report = exporter(model, path, image_shape=(70, 100))
    assert report.output_shape == (1, 70, 100, 3)
    assert report.relative_error < 1e-4
    assert not [x for x in report.notes if "serving_encoded" not in x]
