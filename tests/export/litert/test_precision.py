"""LiteRT files in half precision and in integers."""

import keras
import numpy as np
import pytest

from kerasseg.data import Labels
from kerasseg.export import ExportError
from kerasseg.export import Gate
from kerasseg.export import read_sidecar
from kerasseg.export import run_litert
from kerasseg.export import to_litert

SHAPE = (32, 48)
LOOSE = Gate(miou_loss=1.0, mask_agreement=0.5)


class Folder(list):
    """A list with labels, as a dataset has them."""

    labels = Labels(("sky", "road", "car", "tree"))


@pytest.fixture
def images(rng):
    """Images for calibration."""
    return rng.integers(0, 256, (4, *SHAPE, 3), "uint8")


def details(path):
    """Input, output and weights as the interpreter sees them."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path))
    (pixels,) = interpreter.get_input_details()
    (output,) = interpreter.get_output_details()
    return pixels, output, interpreter.get_tensor_details()


@pytest.mark.export
def test_float16_halves_the_weights(model, tmp_path, rng):
    path = tmp_path / "half.tflite"
    report = to_litert(model, path, image_shape=SHAPE, precision="float16")
    assert report.precision == "float16"
    assert report.mask_agreement > 0.98
    assert "at least 98.00 % required" in report.gate
    pixels, output, tensors = details(path)
    assert pixels["dtype"] == output["dtype"] == np.float32
    assert any(tensor["dtype"] == np.float16 for tensor in tensors)
    images = rng.uniform(0, 255, (1, *SHAPE, 3)).astype("float32")
    expected = model(images, training=False)
    np.testing.assert_allclose(run_litert(path, images), expected, atol=2e-3)


@pytest.mark.export
def test_int8_is_integer_from_end_to_end(model, tmp_path, images):
    path = tmp_path / "small.tflite"
    report = to_litert(
        model,
        path,
        image_shape=SHAPE,
        precision="int8",
        calibration=images,
        gate=LOOSE,
    )
    assert report.verified_on == "calibration images of the user (ndarray)"
    assert report.images == 4
    assert report.input_dtype == report.output_dtype == "uint8"
    # A pixel is the number in the image file.
    assert report.input_quantization == {"scale": 1.0, "zero_point": 0}
    pixels, output, tensors = details(path)
    assert pixels["dtype"] == output["dtype"] == np.uint8
    assert not any(tensor["dtype"] == np.float32 for tensor in tensors)
    assert max(t["quantization_parameters"]["scales"].size for t in tensors) > 4
    expected = np.asarray(model(images[:1].astype("float32"), training=False))
    found = run_litert(path, images[:1])
    assert np.abs(found - expected).max() < 0.15 * np.ptp(expected)
    sidecar = read_sidecar(path)
    assert sidecar["input"]["dtype"] == "uint8"
    assert sidecar["output"]["quantization"] == report.output_quantization
    assert sidecar["proof"]["gate"] == report.gate


@pytest.mark.export
def test_int8_pixels_and_scores(model, tmp_path, images):
    path = tmp_path / "small.tflite"
    ids = np.asarray(model(images.astype("float32"), training=False)).argmax(-1)
    report = to_litert(
        model,
        path,
        image_shape=SHAPE,
        precision="int8",
        input_dtype="int8",
        calibration=Folder(zip(images, ids, strict=True)),
        gate=LOOSE,
        output="mask",
    )
    assert report.miou_before == 1.0
    assert 0.3 < report.miou_after <= 1.0
    assert "mean IoU 100.00 % in Keras" in report.gate
    assert report.input_quantization == {"scale": 1.0, "zero_point": -128}
    assert report.output_dtype == "uint8"
    assert report.max_error is None
    assert read_sidecar(path)["class_names"] == ["sky", "road", "car", "tree"]
    found = run_litert(path, images)
    assert found.shape == (4, *SHAPE)
    assert found.dtype == np.uint8
    assert (found == ids).mean() == pytest.approx(report.mask_agreement)


@pytest.mark.export
def test_a_loss_over_the_limit_leaves_nothing(model, tmp_path, images):
    path = tmp_path / "small.tflite"
    path.write_bytes(b"old")
    with pytest.raises(ExportError, match=r"int8 file loses too much.*100.00"):
        to_litert(
            model,
            path,
            image_shape=SHAPE,
            precision="int8",
            calibration=images,
            gate=Gate(mask_agreement=1.0),
        )
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["small.tflite"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"precision": "int8"}, "`calibration` must be a dataset or images"),
        ({"precision": "mixed"}, "`calibration` must be a dataset or images"),
        (
            {"precision": "float16", "calibration": []},
            "`calibration` must be None unless precision='int8' or 'mixed'",
        ),
        (
            {"precision": "int8", "calibration": np.zeros((1, 36, 48, 3))},
            r"`calibration` must hold arrays of.*\(36, 48\)",
        ),
        (
            {"precision": "int8", "calibration": np.ones((1, *SHAPE, 3))},
            "largest value is 1",
        ),
        (
            {"precision": "int8", "calibration": [], "input_dtype": "float32"},
            "`input_dtype` must be one of uint8, int8. Received",
        ),
        (
            {"input_dtype": "uint8"},
            "`input_dtype` must be one of float32. Received",
        ),
        ({"gate": 0.02}, "`gate` must be a kerasseg.export.Gate"),
    ],
)
def test_arguments_that_cannot_be_honored(model, tmp_path, arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        to_litert(model, tmp_path / "x.tflite", image_shape=SHAPE, **arguments)
    assert not list(tmp_path.iterdir())


@pytest.mark.export
def test_what_has_no_int8_form_is_reported(tmp_path, images):
    pixels = keras.Input((*SHAPE, 3))
    x = keras.layers.Conv2D(4, 3, padding="same")(pixels)
    x = keras.layers.Activation(keras.ops.negative)(x)
    x = keras.layers.Conv2D(4, 1)(x)
    report = to_litert(
        keras.Model(pixels, x),
        tmp_path / "x.tflite",
        precision="int8",
        calibration=images,
        gate=LOOSE,
    )
    assert "Left in float (no int8 kernel): NEG." in report.notes
