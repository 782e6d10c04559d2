import numpy as np
import pytest
from imported_models import CLASSES
from imported_models import FCN_MEAN
from imported_models import offsets
from imported_models import value
from imported_models import weights

from kerasseg.importers import import_weights
from kerasseg.importers.matching import layers_of
from kerasseg.zoo import WeightsError


@pytest.mark.usefixtures("thin")
def test_the_matrices_of_gdn(tmp_path, array):
    rows, columns = array(64, 500), array(64, 500)
    paths = [tmp_path / "w0.npy", tmp_path / "w1.npy"]
    for path, matrix in zip(paths, (rows, columns), strict=True):
        np.save(path, matrix)
    found = import_weights(paths, "gdn_vgg16")
    assert found.read == ("interpolation matrices",)
    layer = layers_of(found.model)["interpolation"]
    np.testing.assert_array_equal(value(layer.kernel_height), rows.T)
    np.testing.assert_array_equal(value(layer.kernel_width), columns.T)
    np.save(paths[0], rows.T)
    with pytest.raises(WeightsError, match=r"\(64, 500\), in the model \(500"):
        import_weights(paths, "gdn_vgg16")


@pytest.mark.usefixtures("thin")
def test_gdn_of_caffe(tmp_path, make, array, classifier):
    wide = 1024 // 16
    arrays = {
        **{k: v for k, v in classifier.items() if k.startswith("conv")},
        "fc6": (array(3, 3, 32, wide), array(wide)),
        "fc7": (array(1, 1, wide, wide), array(wide)),
        "fc8_voc12": (array(1, 1, wide, CLASSES), array(CLASSES)),
    }
    layers = [
        make.caffe_layer(k, "Convolution", [x.transpose(3, 2, 0, 1), b])
        for k, (x, b) in arrays.items()
    ]
    matrices = [array(64, 500), array(64, 500)]
    layers.append(make.caffe_layer("gdn", "Global", matrices))
    path = make.caffemodel(tmp_path / "gdn.caffemodel", *layers)
    found = import_weights(path, "gdn_vgg16")
    assert not found.kept
    np.testing.assert_array_equal(
        weights(found.model, "fc6")[0], arrays["fc6"][0]
    )
    np.testing.assert_array_equal(
        weights(found.model, "score")[0], arrays["fc8_voc12"][0]
    )
    np.testing.assert_array_equal(
        weights(found.model, "interpolation")[1], matrices[1].T
    )
    np.testing.assert_allclose(offsets(found.model), FCN_MEAN, rtol=1e-6)
