"""Repeated maps in exported files, in each precision that LRR needs."""

import arithmetic
import keras
import pytest
from keras import layers

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
    arithmetic.unsettle(model, rng)
    return model


def upsamplings(model):
    found = [x for x in model.layers if isinstance(x, NearestUpSampling2D)]
    assert len(found) == 2
    return found


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
    assert not report.notes
    slow = {"TILE", "BROADCAST_TO", "RESIZE_NEAREST_NEIGHBOR", "Tile", "Expand"}
    assert not slow & set(report.operators)
    assert all(not layer.for_litert for layer in upsamplings(model))


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_onnx_takes_the_form_with_a_fast_path(tmp_path, model, layout):
    import onnx

    path = tmp_path / "model.onnx"
    report = to_onnx(model, path, image_shape=(48, 78), layout=layout)
    assert report.relative_error < 1e-4
    resizes = [
        {a.name: a.s.decode() for a in node.attribute if a.s}
        for node in onnx.load(path).graph.node
        if node.op_type == "Resize"
    ]
    assert len(resizes) == 2
    for attributes in resizes:
        assert attributes["coordinate_transformation_mode"] == "asymmetric"
        assert attributes["nearest_mode"] == "floor"
