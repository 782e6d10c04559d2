"""Class ids of cells: what they are, what they lose, who has them."""


import keras
import numpy as np
import pytest
from keras import layers
from sidecars import edit

from kerasseg import models
from kerasseg.export import ExportError
from kerasseg.export import Gate
from kerasseg.export import read_sidecar
from kerasseg.export import run_litert
from kerasseg.export import run_onnx
from kerasseg.export import run_openvino
from kerasseg.export import run_saved_model
from kerasseg.export import to_litert
from kerasseg.export import to_onnx
from kerasseg.export import to_openvino
from kerasseg.export import to_saved_model
from kerasseg.export import verify_file
from kerasseg.export.model.coarse import split
from kerasseg.layers import BilinearUpSampling2D
from kerasseg.layers import CropToMatch
from kerasseg.layers import PadToMultiple

SHAPE = (35, 50)
LENIENT = Gate(mask_agreement=0.3)


def _model():
    """Logits of 4x4 cells, upsampled and cropped as all builders do it."""
    images = keras.Input((*SHAPE, 3))
    x = PadToMultiple(4)(images)
    x = layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = layers.Conv2D(8, 5, strides=4, padding="same", activation="relu")(x)
    scores = layers.Conv2D(5, 1, name="scores")(x)
    x = BilinearUpSampling2D(4, border="edge", name="upsample_to_image")(scores)
    x = CropToMatch(name="crop")([x, images])
    return keras.Model(images, layers.Activation("linear", name="logits")(x))


@pytest.fixture(scope="module")
def coarse():
    """A model and its classes of whole cells on some images."""
    keras.utils.set_random_seed(2)
    model = _model()
    images = np.random.default_rng(3).uniform(0, 255, (3, *SHAPE, 3))
    images = images.round().astype("float32")
    scores = keras.Model(model.inputs[0], model.get_layer("scores").output)
    ids = np.asarray(scores(images)).argmax(-1)
    cells = ids.repeat(4, axis=1).repeat(4, axis=2)
    return model, images, cells[:, : SHAPE[0], : SHAPE[1]]


@pytest.mark.parametrize(
    ("exporter", "run", "name"),
    [
        (to_saved_model, run_saved_model, "x"),
        (to_litert, run_litert, "x.tflite"),
        (to_onnx, run_onnx, "x.onnx"),
        (to_openvino, run_openvino, "x.xml"),
    ],
)
def test_pixels_share_the_class_of_their_cell(
    coarse, tmp_path, exporter, run, name
):
    if exporter is to_openvino:
        pytest.importorskip("openvino")
    model, images, expected = coarse
    path = tmp_path / name
    report = exporter(
        model,
        path,
        output="coarse_mask",
        verify_on=list(images),
        gate=LENIENT,
    )
    np.testing.assert_array_equal(run(path, images), expected)
    fine = np.asarray(model(images)).argmax(-1)
    assert report.mask_agreement == pytest.approx((fine == expected).mean())
    assert report.mask_agreement < 0.99
    assert report.stride == 4
    assert "uint8, in blocks of 4x4 pixels" in str(report)
    assert "at least 30.00 % required" in report.gate
    output = read_sidecar(path)["output"]
    assert output["name"] == "mask"
    assert output["shape"] == [1, *SHAPE]
    assert output["stride"] == 4
    assert "a block of 4x4 have the same" in output["meaning"]
    again = verify_file(path, model, data=list(images), gate=LENIENT)
    assert again.mask_agreement == report.mask_agreement
    assert "mask, in blocks of 4x4 pixels" in str(again)


def test_too_great_a_loss_is_refused(coarse, tmp_path):
    model, images, _ = coarse
    message = (
        "loses too much by whole blocks.*98.00 % required.*`output='mask'`, "
        "on the command line `--output mask`, loses nothing"
    )
    with pytest.raises(ExportError, match=message):
        to_onnx(
            model,
            tmp_path / "x.onnx",
            output="coarse_mask",
            verify_on=list(images),
        )
    assert not list(tmp_path.iterdir())


def test_the_sidecar_must_tell_the_stride_of_the_model(coarse, tmp_path):
    model, images, _ = coarse
    path = tmp_path / "x.onnx"
    to_onnx(model, path, output="coarse_mask", gate=LENIENT)
    with pytest.raises(ValueError, match="`data` must be images like those"):
        verify_file(path, model)
    edit(path, "output", "stride", to=lambda _: 8)
    with pytest.raises(ExportError, match="stride is 8, that of the model 4"):
        verify_file(path, model, data=list(images))
    edit(path, "output", "stride", to=lambda _: 1, seal=True)
    with pytest.raises(ExportError, match="differs from the Keras model"):
        verify_file(path, model, data=list(images))


def test_a_model_that_does_not_end_with_an_upsampling(model, tmp_path):
    message = "not end with a bilinear upsampling.*ends with logits"
    with pytest.raises(ValueError, match=message):
        to_onnx(
            model,
            tmp_path / "x.onnx",
            image_shape=(32, 48),
            output="coarse_mask",
        )
    assert not list(tmp_path.iterdir())


def test_upsamplings_that_split():
    images = keras.Input((32, 48, 2))
    for size, interpolation, stride in (
        (2, "bilinear", 2),
        ((4, 2), "bilinear", None),
        (2, "nearest", None),
    ):
        x = layers.UpSampling2D(size, interpolation=interpolation)(images)
        if stride:
            assert split(keras.Model(images, x)).stride == stride
            continue
        with pytest.raises(ValueError, match="upsampling by a whole number"):
            split(keras.Model(images, x))


@pytest.mark.by_day(2)
@pytest.mark.slow
@pytest.mark.parametrize(
    ("build", "stride"),
    [
        (lambda b: models.bilinear(3, b, (64, 96, 3)), 32),
        (lambda b: models.lrr(3, b, (64, 96, 3), level="8x"), 2),
        (lambda b: models.fcn(3, b, (64, 96, 3), variant="8s"), 8),
        (lambda b: models.lrr(3, b, (64, 96, 3), level="4x"), None),
    ],
)
def test_models_of_the_package(build, stride):
    from kerasseg.backbones import mobilenet_v2

    model = build(mobilenet_v2((64, 96, 3), alpha=0.35))
    if stride is None:
        with pytest.raises(ValueError, match="ends with prediction_4x"):
            split(model)
        return
    parts = split(model)
    assert parts.stride == stride
    rows, columns = parts.model.output_shape[1:3]
    assert rows * stride >= 64
    assert columns * stride >= 96
