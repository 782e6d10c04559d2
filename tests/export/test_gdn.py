"""GDN through the exporters, at a size that needs padding."""

import keras
import pytest
from stand_ins import randomize
from stand_ins import tiny_backbone

from kerasseg.export import to_litert
from kerasseg.export import to_onnx
from kerasseg.export import to_saved_model
from kerasseg.models import gdn

pytestmark = [pytest.mark.slow, pytest.mark.export]

EXPORTERS = [(to_saved_model, ""), (to_litert, ".tflite"), (to_onnx, ".onnx")]


def check(exporter, suffix, model, folder, height, width):
    report = exporter(
        model, folder / f"gdn{suffix}", image_shape=(height, width)
    )
    assert report.output_shape == (1, height, width, 3)
    assert report.logit_range > 1e-3
    assert report.relative_error < 1e-4
    assert report.mask_agreement >= 0.9999
    assert not [x for x in report.notes if "serving_encoded" not in x]


@pytest.mark.by_day(4)
@pytest.mark.parametrize(("exporter", "suffix"), EXPORTERS)
@pytest.mark.parametrize("resampling", ["crop", "resize", "resample"])
def test_images_of_another_size(tmp_path, resampling, exporter, suffix):
    model = gdn(3, tiny_backbone(), size=(96, 128), resampling=resampling)
    check(exporter, suffix, randomize(model, keep=True), tmp_path, 50, 70)


@pytest.mark.by_day(1)
@pytest.mark.parametrize(("exporter", "suffix"), EXPORTERS)
def test_images_of_its_own_size(tmp_path, make_backbone, exporter, suffix):
    keras.utils.set_random_seed(1)
    model = gdn(3, make_backbone(), size=(64, 96), resampling="resample")
    check(exporter, suffix, randomize(model, keep=True), tmp_path, 60, 96)
