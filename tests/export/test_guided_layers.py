"""Guided filter, guided upsampling and dense context in exported files."""

import keras
import pytest
from keras import layers
from stand_ins import randomize

from kerasseg.export import to_litert
from kerasseg.export import to_onnx
from kerasseg.layers import DLC
from kerasseg.layers import BilinearUpSampling2D
from kerasseg.layers import GuidedDUC
from kerasseg.layers import GuidedFilter

pytestmark = pytest.mark.export


def with_filter(x):
    gray = layers.Conv2D(1, 1)(x)
    small = layers.AveragePooling2D(8)(gray)
    scores = layers.Conv2D(3, 3, 8, "same")(x)
    return GuidedFilter(1, average_coefficients=True)([small, scores, gray])


def with_duc(x):
    middle = layers.Conv2D(5, 3, 8, "same")(x)
    low = layers.Conv2D(7, 3, 2, "same")(middle)
    x = GuidedDUC(6, 4)([x, low, middle])
    return BilinearUpSampling2D(8, "edge")(layers.Conv2D(3, 1)(x))


def with_dlc(x):
    x = layers.Conv2D(5, 3, 4, "same")(x)
    x = DLC(6, 3, 4)(x)
    return BilinearUpSampling2D(4, "edge")(layers.Conv2D(3, 1)(x))


@pytest.mark.by_day(3)
@pytest.mark.parametrize(
    ("exporter", "suffix"), [(to_litert, ".tflite"), (to_onnx, ".onnx")]
)
@pytest.mark.parametrize("build", [with_filter, with_duc, with_dlc])
def test_the_file_computes_the_same(tmp_path, rng, build, exporter, suffix):
    images = keras.Input((None, None, 3))
    model = keras.Model(images, build(layers.Rescaling(1 / 255)(images)))
    randomize(model, rng)
    path = tmp_path / ("model" + suffix)
    report = exporter(model, path, image_shape=(48, 80))
    assert report.output_shape == (1, 48, 80, 3)
    assert report.logit_range > 1e-2
    assert report.relative_error < 1e-4
    # An untrained model may find one class alone.
    assert not [x for x in report.notes if "one class alone" not in x]
    # Resizes and averages are operators of their own, with constant sizes.
    shuffles = {"TRANSPOSE", "SHAPE", "GATHER", "Gather", "Shape"}
    assert not shuffles & set(report.operators)
