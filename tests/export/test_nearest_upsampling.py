"""Repeated maps in exported files, in each precision that LRR needs."""

import keras
import pytest
from keras import layers
from stand_ins import randomize

from kerasseg.export import to_litert
from kerasseg.export import to_onnx
from kerasseg.layers import NearestUpSampling2D

pytestmark = pytest.mark.export


@pytest.fixture
def model(rng):
    images = keras.Input((None, None, 3))
    x = layers.Conv2D(4, 3, 6, "same")(layers.Rescaling(1 / 255)(images))
    x = layers.Conv2D(4, 3, padding="same")(NearestUpSampling2D(2)(x))
    x = layers.Conv2D(3, 1)(NearestUpSampling2D(3)(x))
    model = keras.Model(images, x)
    randomize(model, rng)
    return model


@pytest.mark.parametrize(
    ("exporter", "suffix"), [(to_litert, ".tflite"), (to_onnx, ".onnx")]
)
@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_the_file_computes_the_same(
    tmp_path, model, exporter, suffix, precision
):
    path = tmp_path / ("model" + suffix)
    report = exporter(model, path, image_shape=(48, 78), precision=precision)
    assert report.output_shape == (1, 48, 78, 3)
    assert report.logit_range > 1e-2
    assert report.mask_agreement > 0.999
    # An untrained model may find one class alone.
    assert not [x for x in report.notes if "one class alone" not in x]
    slow = {"TILE", "BROADCAST_TO", "RESIZE_NEAREST_NEIGHBOR"}
    assert not slow & set(report.operators)
    assert not {"Tile", "Expand", "Resize"} & set(report.operators)
