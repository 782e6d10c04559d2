import numpy as np
import pytest
from imported_models import CLASSES
from imported_models import offsets
from imported_models import value
from imported_models import weights

from kerasseg import zoo
from kerasseg.importers import import_weights
from kerasseg.importers import importable
from kerasseg.zoo import WeightsError


@pytest.mark.usefixtures("thin")
def test_everything_that_does_not_fit_is_listed(caffe_fcn, make, array):
    change = {
        "conv3_1": None,
        "score_pool4": ("Convolution", [array(CLASSES, 3, 1, 1)]),
        "conv1_2": ("Convolution", [array(4, 4, 5, 3), array(4)]),
    }
    more = [
        make.caffe_layer("odd", "Mystery", [array(2)]),
        make.caffe_layer("conv9", "Convolution", [array(1, 2, 3, 4)]),
    ]
    path = caffe_fcn(change, more=more)
    with pytest.raises(WeightsError, match="weights of `fcn_8s_vgg16`") as e:
        import_weights(path, "fcn_8s_vgg16")
    message = str(e.value)
    assert "missing (3): kernel of conv3_1 or block3_conv1" in message
    assert "bias of score_pool4" in message
    assert "not in the model (2): odd (blob 0) of the unknown type" in message
    assert "Mystery, conv9 (blob 0)" in message
    assert "of another shape (2): conv1_2 (blob 0) (5, 3, 4, 4), in" in message
    assert (
        "score_pool4 (blob 0) (1, 1, 3, 5), in the model (1, 1, 32" in message
    )


@pytest.mark.usefixtures("thin")
def test_arguments(caffe_fcn):
    path = caffe_fcn()
    found = import_weights(path, "fcn_8s_vgg16", mean=(1, 2, 3), channels="RGB")
    np.testing.assert_array_equal(offsets(found.model), (1, 2, 3))
    kernel = weights(found.model, "conv1_1")[0]
    usual = weights(import_weights(path, "fcn_8s_vgg16").model, "conv1_1")[0]
    np.testing.assert_array_equal(kernel, usual[:, :, ::-1])
    for arguments, message in (
        ({"entry": "lrr_4x"}, "`entry` must be one of lrr_4x_vgg16"),
        ({"entry": "fcn_9s"}, "fcn_9s"),
        ({"channels": "GRB"}, "Received: channels='GRB'"),
        ({"mean": (1, 2)}, r"Received: mean=\(1, 2\)"),
        ({"mean": (1, 2, np.inf)}, "`mean` must be three finite numbers"),
    ):
        with pytest.raises(ValueError, match=message):
            import_weights(path, **{"entry": "fcn_8s_vgg16", **arguments})


@pytest.mark.usefixtures("thin")
def test_the_model_is_saved_and_loaded_with_its_mean(tmp_path, caffe_fcn, rng):
    found = import_weights(caffe_fcn(), "fcn_8s_vgg16", mean=(90, 80, 70))
    zoo.save(found.model, tmp_path / "saved", found.labels)
    again = zoo.load(tmp_path / "saved")
    images = rng.uniform(0, 255, (1, 33, 47, 3)).astype("float32")
    np.testing.assert_array_equal(
        value(again(images)), value(found.model(images))
    )


def test_the_entries():
    assert importable() == [
        "lrr_4x_vgg16",
        "lrr_4x_resnet101",
        "fcn_32s_vgg16",
        "fcn_16s_vgg16",
        "fcn_8s_vgg16",
        "gdn_vgg16",
        "guided_duc_dlc_resnet50",
    ]
