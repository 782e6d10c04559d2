"""The same weights through the ONNX exporters of other backends."""

import keras
import numpy as np
import pytest
from stand_ins import shake
from stand_ins import tiny_backbone

from kerasseg import models
from kerasseg.export import run_onnx
from kerasseg.export import to_onnx

pytestmark = [pytest.mark.slow, pytest.mark.export]

SHAPE = (50, 70)
BUILDERS = {
    "bilinear": lambda: models.bilinear(3, tiny_backbone()),
    "fcn": lambda: models.fcn(3, tiny_backbone()),
    "gdn": lambda: models.gdn(
        3, tiny_backbone(), size=(64, 96), resampling="resample"
    ),
    "lrr": lambda: models.lrr(3, tiny_backbone()),
    "pixel_dcl_unet": lambda: models.pixel_dcl_unet(
        3, tiny_backbone(), filters=4, upsampling="pixel_dcl"
    ),
    "ipixel_dcl_unet": lambda: models.pixel_dcl_unet(
        3, tiny_backbone(), filters=4, upsampling="ipixel_dcl"
    ),
    "guided_duc_dlc": lambda: models.guided_duc_dlc(3, tiny_backbone()),
    "deeplab_v3_plus": lambda: models.deeplab_v3_plus(3, tiny_backbone()),
}
OTHERS = [("torch", "onnxscript")]


@pytest.fixture(scope="module", params=BUILDERS)
def expected(request, tmp_path_factory):
    """A model, images, and the logits of the usual exporter's file."""
    keras.utils.set_random_seed(1)
    model = shake(BUILDERS[request.param]())
    folder = tmp_path_factory.mktemp(request.param)
    to_onnx(model, folder / "usual.onnx", image_shape=SHAPE)
    images = np.random.default_rng(5).uniform(0, 255, (2, *SHAPE, 3))
    return model, folder, images, run_onnx(folder / "usual.onnx", images)


@pytest.mark.parametrize(("exporter", "package"), OTHERS)
def test_the_files_of_two_exporters_agree(expected, exporter, package):
    pytest.importorskip(exporter)
    pytest.importorskip(package)
    model, folder, images, logits = expected
    path = folder / f"{exporter}.onnx"
    report = to_onnx(model, path, image_shape=SHAPE, exporter=exporter)
    assert package in report.versions
    assert report.relative_error <= 1e-5
    spread = logits.max() - logits.min()
    assert spread > 0.1
    error = np.abs(run_onnx(path, images) - logits).max()
    assert error <= 1e-5 * spread


@pytest.mark.parametrize(("exporter", "package"), OTHERS)
def test_the_other_choices_hold(tmp_path, exporter, package):
    pytest.importorskip(package)
    model = shake(BUILDERS["bilinear"]())
    path = tmp_path / "x.onnx"
    report = to_onnx(
        model,
        path,
        image_shape=SHAPE,
        exporter=exporter,
        precision="float16",
        output="mask",
        layout="NCHW",
    )
    assert report.input_shape == (1, 3, *SHAPE)
    assert report.output_shape == (1, *SHAPE)
    assert run_onnx(path, np.zeros((1, *SHAPE, 3))).dtype == np.uint8
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "x.onnx",
        "x.onnx.json",
    ]
