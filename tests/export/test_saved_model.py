import numpy as np
import pytest

from kerasseg.export import ExportError
from kerasseg.export import read_sidecar
from kerasseg.export import run_saved_model
from kerasseg.export import to_saved_model

SHAPE = (32, 48)


def test_the_folder_computes_what_the_model_computes(model, tmp_path, rng):
    path = tmp_path / "served"
    report = to_saved_model(model, path, image_shape=SHAPE)
    images = rng.uniform(0, 255, (2, 32, 48, 3)).astype("float32")
    expected = model(images, training=False)
    np.testing.assert_allclose(
        run_saved_model(path, images), expected, atol=1e-5
    )
    assert report.format == "saved_model"
    assert report.logit_range > 0.1
    assert report.relative_error <= 1e-4
    assert report.operators["Conv2D"] == 3
    assert report.operators["DepthToSpace"] == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "served",
        "served.json",
    ]
    assert read_sidecar(path)["sha256"] == report.sha256


def test_batch_normalisation_in_training_mode_is_found(trapped_model, tmp_path):
    pattern = (
        r"(?s)differs from the Keras model: max logit error \d.*mask "
        r"agreement .*updates 2 variables .*moving_mean.*training mode"
    )
    with pytest.raises(ExportError, match=pattern):
        to_saved_model(trapped_model, tmp_path / "served", image_shape=SHAPE)
    assert not list(tmp_path.iterdir())


def test_an_older_saved_model_is_replaced(build, tmp_path):
    path = tmp_path / "served"
    first = to_saved_model(build(num_classes=3), path, image_shape=SHAPE)
    second = to_saved_model(build(num_classes=5), path, image_shape=SHAPE)
    assert first.sha256 != second.sha256
    assert read_sidecar(path)["num_classes"] == 5
    assert run_saved_model(path, np.zeros((1, 32, 48, 3))).shape[-1] == 5
    assert len(list(tmp_path.iterdir())) == 2


def test_a_folder_with_other_things_is_not_replaced(model, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ValueError, match="`path` must be new, or an empty"):
        to_saved_model(model, tmp_path, image_shape=SHAPE)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
