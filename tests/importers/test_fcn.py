import importlib.util

import numpy as np
import pytest
from imported_models import CLASSES
from imported_models import FCN_MEAN
from imported_models import dense
from imported_models import offsets
from imported_models import value
from imported_models import weights
from imported_models import window
from source import ROOT

from kerasseg.importers import import_weights
from kerasseg.importers.matching import layers_of
from kerasseg.zoo import WeightsError


@pytest.mark.usefixtures("thin")
@pytest.mark.parametrize("form", [{}, {"v1": True, "legacy": True}])
def test_fcn_of_caffe(caffe_fcn, classifier, heads, form):
    found = import_weights(caffe_fcn(**form), "fcn_8s_vgg16")
    assert found.read == (
        "convolutions of the backbone",
        "fully connected layers of the backbone",
        "head",
    )
    assert not found.kept
    assert not found.left_out
    assert found.labels is None
    for name, (kernel, bias) in classifier.items():
        np.testing.assert_array_equal(weights(found.model, name)[0], kernel)
        np.testing.assert_array_equal(weights(found.model, name)[1], bias)
    for stride, name in ((32, "fr"), (16, "pool4"), (8, "pool3")):
        kernel, bias = heads[f"score_{name}"]
        imported = weights(found.model, f"score_{stride}")
        np.testing.assert_array_equal(imported[0], kernel)
        np.testing.assert_array_equal(imported[1], bias)
    np.testing.assert_allclose(offsets(found.model), FCN_MEAN, rtol=1e-6)
    # 100 pixels of border, as the file says.
    assert layers_of(found.model)["border"].padding == ((99, 99), (99, 99))
    logits = found.model(np.zeros((1, 33, 47, 3), "float32"))
    assert logits.shape == (1, 33, 47, CLASSES)


@pytest.mark.usefixtures("thin")
def test_the_geometry_is_that_of_the_file(caffe_fcn):
    found = import_weights(caffe_fcn(border=1), "fcn_8s_vgg16")
    assert "border" not in layers_of(found.model)


@pytest.mark.usefixtures("thin")
def test_a_learned_upsampling(caffe_fcn, array):
    own = array(CLASSES, 4, 4)
    kernel = np.eye(CLASSES)[..., None, None] * own
    path = caffe_fcn({"upscore2": ("Deconvolution", [kernel])})
    model = import_weights(path, "fcn_8s_vgg16").model
    (imported,) = weights(model, "upsampling_32_to_16")
    np.testing.assert_allclose(imported, own.transpose(1, 2, 0), rtol=1e-6)
    (imported,) = weights(model, "upsampling_16_to_8")
    expected = np.repeat(window(4)[..., None], CLASSES, -1)
    np.testing.assert_array_equal(imported, expected)


@pytest.mark.usefixtures("thin")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"upscore2": None}, r"strides \[2, 2, 8\].*strides \[2, 8\]"),
        ({"upscore8": ("Deconvolution", [0.9 * dense(16)])}, "'upscore8'"),
        ({"upscore2": ("Deconvolution", [dense(4) + 0.1])}, "'upscore2'"),
        (
            {"score_fr": ("Convolution", [np.zeros((20000, 1, 1, 1))])},
            r"at most 16384 channels.*\(1, 1, 1, 20000\)",
        ),
        ({"scale_pool4": ("Scale", [np.array([0.02])])}, "'scale_pool4'"),
    ],
)
def test_another_computation_is_refused(caffe_fcn, change, message):
    with pytest.raises(WeightsError, match=message):
        import_weights(caffe_fcn(change), "fcn_8s_vgg16")


@pytest.mark.usefixtures("thin")
def test_scales_of_the_net_that_is_trained_at_once(caffe_fcn):
    scales = {"scale_pool4": 0.01, "scale_pool3": 0.0001}
    change = {k: ("Scale", [np.array([v])]) for k, v in scales.items()}
    model = import_weights(caffe_fcn(change), "fcn_8s_vgg16").model
    assert layers_of(model)["scale_16"].scale == 0.01


@pytest.mark.usefixtures("thin")
def test_one_scale_of_two_is_refused(caffe_fcn):
    change = {"scale_pool4": ("Scale", [np.array([0.01])])}
    with pytest.raises(WeightsError, match="or none.*with scale_pool4 alone"):
        import_weights(caffe_fcn(change), "fcn_8s_vgg16")


@pytest.mark.usefixtures("thin")
@pytest.mark.parametrize("border", [0, 35])
def test_another_border_is_refused(caffe_fcn, border):
    with pytest.raises(WeightsError, match=rf"100 pixels or of 1.*\({border},"):
        import_weights(caffe_fcn(border=border), "fcn_8s_vgg16")


# === Other frameworks ===


def published_names(classifier, heads):
    return {**classifier, **heads}.items()


@pytest.mark.usefixtures("thin")
@pytest.mark.parametrize("file_name", ["a", "fcn8s-atonce_from_caffe"])
def test_fcn_of_pytorch(tmp_path, make, classifier, heads, file_name):
    state = {}
    for name, (kernel, bias) in published_names(classifier, heads):
        kernel = kernel[:, :, ::-1] if name == "conv1_1" else kernel
        state[f"{name}.weight"] = kernel.transpose(3, 2, 0, 1)
        state[f"{name}.bias"] = bias
    for name, size in {
        "upscore2": 4,
        "upscore_pool4": 4,
        "upscore8": 16,
    }.items():
        state[f"{name}.weight"] = dense(size)
    path = make.safetensors(tmp_path / f"{file_name}.safetensors", state)
    found = import_weights(path, "fcn_8s_vgg16")
    assert not found.kept
    assert ("scale_16" in layers_of(found.model)) == ("atonce" in file_name)
    assert layers_of(found.model)["border"].padding == ((99, 99), (99, 99))
    for name, (kernel, bias) in classifier.items():
        np.testing.assert_array_equal(weights(found.model, name)[0], kernel)
        np.testing.assert_array_equal(weights(found.model, name)[1], bias)
    imported = weights(found.model, "score_16")
    np.testing.assert_array_equal(imported[0], heads["score_pool4"][0])


@pytest.mark.usefixtures("thin")
def test_fcn_of_matconvnet(tmp_path, make, classifier, heads):
    scores = {"fc8": heads["score_fr"], "skip4": heads["score_pool4"]}
    layers = [
        (name, "Conv", {"pad": [1]}, {f"{name}f": kernel, f"{name}b": bias})
        for name, (kernel, bias) in published_names(classifier, scores)
    ]
    for name, size in (("deconv1", 4), ("deconv16", 32)):
        kernel = dense(size).transpose(2, 3, 1, 0)
        layers.append((name, "ConvTranspose", {}, {f"{name}f": kernel}))
    mean = {"normalization": {"averageImage": np.full((4, 6, 3), 99.0)}}
    path = make.mat5(tmp_path / "a.mat", {"net": make.dag(layers, mean)})
    found = import_weights(path, "fcn_16s_vgg16")
    assert not found.kept
    assert "border" not in layers_of(found.model)
    np.testing.assert_allclose(offsets(found.model), 99)
    # Its images are RGB.
    imported = weights(found.model, "conv1_1")[0]
    np.testing.assert_array_equal(imported, classifier["conv1_1"][0])
    imported = weights(found.model, "score_32")[1]
    np.testing.assert_array_equal(imported, heads["score_fr"][1])


# === What Caffe computes ===


@pytest.fixture
def plain():
    """The script of benchmarks that computes in plain NumPy."""
    path = ROOT / "benchmarks/numpy_forward.py"
    spec = importlib.util.spec_from_file_location("numpy_forward", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def caffe_fcn_8s(plain, arrays, x):
    """FCN-8s as the reference network computes it, layer after layer."""
    maps = {}

    def convolved(name, x, border=0):
        kernel, bias = arrays[name]
        turned = kernel.transpose(3, 2, 0, 1)
        sides, one = (border,) * 4, (1, 1)
        return plain.convolve(x, turned, bias, plain.CAFFE, sides, one, one)

    def upsampled(name, x, strides):
        kernel = dense(2 * strides)
        step = (strides, strides)
        return plain.transposed(x, kernel, None, "coij", (0,) * 4, step)

    def cropped(x, like, offset):
        return x[offset : offset + like.shape[0]][:, offset:][
            :, : like.shape[1]
        ]

    for block, depth in enumerate((2, 2, 3, 3, 3), start=1):
        for index in range(1, depth + 1):
            border = 100 if block == index == 1 else 1
            x = np.maximum(convolved(f"conv{block}_{index}", x, border), 0)
        x = plain.pool(x, "max", (2, 2), (0,) * 4, (2, 2))
        maps[block] = x
    x = np.maximum(convolved("fc6", x), 0)
    x = np.maximum(convolved("fc7", x), 0)
    x = upsampled("upscore2", convolved("score_fr", x), 2)
    x = x + cropped(convolved("score_pool4", maps[4]), x, 5)
    x = upsampled("upscore_pool4", x, 2)
    x = x + cropped(convolved("score_pool3", maps[3]), x, 9)
    return upsampled("upscore8", x, 8)[31:, 31:]


@pytest.mark.usefixtures("thin")
def test_logits_are_those_of_caffe(caffe_fcn, classifier, heads, plain, rng):
    images = rng.uniform(0, 255, (1, 21, 38, 3)).astype("float32")
    model = import_weights(caffe_fcn(), "fcn_8s_vgg16").model
    # Arrays for RGB: the order of the channels is tested above.
    arrays = {**classifier, **heads}
    x = images[0].astype("float64") - FCN_MEAN
    expected = caffe_fcn_8s(plain, arrays, x)[:21, :38]
    found = value(model(images))[0]
    largest = np.abs(expected).max()
    np.testing.assert_allclose(found, expected, atol=1e-5 * largest)
    assert largest > 1
