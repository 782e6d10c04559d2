import numpy as np
import pytest
from imported_models import CLASSES
from imported_models import offsets
from imported_models import value
from imported_models import weights
from imported_models import window

from kerasseg.importers import import_weights
from kerasseg.importers.matching import layers_of
from kerasseg.zoo import WeightsError


@pytest.fixture
def lrr_mat(tmp_path, make, array, classifier):
    """A function that writes LRR-4x as MatConvNet has it."""
    bases = {level: array(8, 8, 1, 10 * CLASSES) for level in LEVELS}

    def write(version="5", upsampling=None):
        kernels = window(4) if upsampling is None else upsampling
        layers = [
            (name, "Conv", {"pad": [1]}, {f"{name}f": k, f"{name}b": b})
            for name, (k, b) in classifier.items()
        ]
        taps = ("fc7", "conv5_3", "conv4_3", "conv3_3")
        for level, tap in zip(LEVELS, taps, strict=True):
            stem, count = f"bases_coef_{level}", classifier[tap][1].size
            named = {
                f"{stem}f": array(5, 5, count, 10 * CLASSES),
                f"{stem}b": array(10 * CLASSES),
            }
            layers.append((stem, "Conv", {"pad": [2]}, named))
            up = {f"deconv_{level}f": bases[level]}
            groups = {"numGroups": [CLASSES], "upsample": [4]}
            layers.append((f"rec{level}", "ConvTranspose", groups, up))
        for level in LEVELS[:-1]:
            kernel = np.repeat(kernels[..., None, None], CLASSES, -1)
            named = {f"dec_prediction_{level}_bil_x2f": kernel}
            groups = {"numGroups": [CLASSES], "upsample": [2]}
            layers.append((f"up{level}", "ConvTranspose", groups, named))
        for kind in ("dil", "ero"):
            stem = f"{kind}_seg32x_coef"
            named = {f"{stem}f": array(5, 5, 2, 3), f"{stem}b": array(3)}
            layers.append((stem, "Conv", {}, named))
        mean = {"normalization": {"rgbMean": np.array([[11.0], [22], [33]])}}
        content = {"net": make.dag(layers, mean)}
        path = tmp_path / "lrr.mat"
        if version == "5":
            return make.mat5(path, content)
        return make.mat73(path, content)

    return write, bases


LEVELS = ("32x", "16x", "8x", "4x")


@pytest.mark.usefixtures("thin")
@pytest.mark.parametrize("version", ["5", "7.3"])
def test_lrr_of_matconvnet(lrr_mat, classifier, version):
    write, bases = lrr_mat
    found = import_weights(write(version), "lrr_4x_vgg16")
    assert not found.kept
    # The heads for training alone.
    assert len(found.left_out) == 4
    np.testing.assert_allclose(offsets(found.model), (11, 22, 33))
    assert found.model.output_shape[-1] == CLASSES
    for name, expected in classifier.items():
        for one, other in zip(
            weights(found.model, name), expected, strict=True
        ):
            np.testing.assert_array_equal(one, other)
    for level in LEVELS:
        layer = layers_of(found.model)[f"reconstruction_{level}"]
        imported = value(layer.bases)
        for kind, basis in np.ndindex(CLASSES, 10):
            expected = bases[level][:, :, 0, 10 * kind + basis]
            np.testing.assert_array_equal(imported[kind, basis], expected)


@pytest.mark.usefixtures("thin")
def test_lrr_with_another_upsampling(lrr_mat, array):
    write, _ = lrr_mat
    path = write(upsampling=array(4, 4))
    with pytest.raises(WeightsError, match="'dec_prediction_32x_bil_x2'"):
        import_weights(path, "lrr_4x_vgg16")
