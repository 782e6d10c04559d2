"""What a file takes and returns: layouts, and class ids for logits."""

import keras
import numpy as np
import pytest
from keras import layers

from kerasseg.export import read_sidecar
from kerasseg.export import run_litert
from kerasseg.export import run_onnx
from kerasseg.export import run_saved_model
from kerasseg.export import to_litert
from kerasseg.export import to_onnx
from kerasseg.export import to_saved_model

SHAPE = (32, 48)


@pytest.mark.export
@pytest.mark.parametrize(
    ("exporter", "run", "suffix"),
    [
        (to_saved_model, run_saved_model, ""),
        (to_litert, run_litert, ".tflite"),
        (to_onnx, run_onnx, ".onnx"),
    ],
)
def test_class_ids_come_out_of_the_file(
    model, tmp_path, rng, exporter, run, suffix
):
    path = tmp_path / ("mask" + suffix)
    report = exporter(model, path, image_shape=SHAPE, output="mask")
    images = rng.uniform(0, 255, (2, *SHAPE, 3)).astype("float32")
    ids = np.asarray(model(images, training=False)).argmax(-1)
    found = run(path, images)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, ids)
    assert report.output_shape == (1, *SHAPE)
    assert report.mask_agreement == 1.0
    assert report.max_error is None
    assert report.logit_range > 0.1
    output = read_sidecar(path)["output"]
    assert output["name"] == "mask"
    assert output["shape"] == [1, *SHAPE]
    assert output["layout"] == "NHW"
    assert output["dtype"] == "uint8"
    assert read_sidecar(path)["num_classes"] == 4


@pytest.mark.export
@pytest.mark.parametrize("output", ["logits", "mask"])
def test_channels_first(model, tmp_path, rng, output):
    import onnxruntime

    path = tmp_path / "first.onnx"
    report = to_onnx(
        model, path, image_shape=SHAPE, layout="NCHW", output=output
    )
    assert report.input_shape == (1, 3, 32, 48)
    assert report.operators.get("Transpose", 0) <= 1
    images = rng.uniform(0, 255, (1, *SHAPE, 3)).astype("float32")
    expected = np.asarray(model(images, training=False))
    session = onnxruntime.InferenceSession(path)
    (found,) = session.run(None, {"images": images.transpose(0, 3, 1, 2)})
    if output == "logits":
        assert report.output_shape == (1, 4, 32, 48)
        np.testing.assert_allclose(
            found.transpose(0, 2, 3, 1), expected, atol=1e-5
        )
        np.testing.assert_allclose(run_onnx(path, images), expected, atol=1e-5)
    else:
        assert report.output_shape == (1, 32, 48)
        np.testing.assert_array_equal(found, expected.argmax(-1))
    assert sum(report.time_shares.values()) == pytest.approx(1.0)
    assert ("ArgMax" in report.time_shares) == (output == "mask")
    sidecar = read_sidecar(path)
    assert sidecar["input"]["layout"] == "NCHW"
    assert sidecar["input"]["shape"] == [1, 3, 32, 48]


@pytest.mark.parametrize(
    ("exporter", "suffix"), [(to_saved_model, ""), (to_onnx, ".onnx")]
)
def test_class_ids_beyond_a_byte(tmp_path, exporter, suffix):
    images = keras.Input((None, None, 3))
    model = keras.Model(images, layers.Conv2D(257, 1)(images))
    with pytest.raises(ValueError, match="`output` must be 'logits' for more"):
        exporter(
            model, tmp_path / ("x" + suffix), image_shape=SHAPE, output="mask"
        )
