import numpy as np
import pytest
from imported_models import offsets
from imported_models import value
from imported_models import weights

from kerasseg import zoo
from kerasseg.importers import import_weights
from kerasseg.importers.matching import layers_of
from kerasseg.label_sets import VOC
from kerasseg.zoo import WeightsError


@pytest.fixture
def published(tmp_path, make, classifier, array):
    """A function that writes the classifier as a framework has it."""

    def write(form):
        kernels = {k: kernel for k, (kernel, _) in classifier.items()}
        biases = {k: bias for k, (_, bias) in classifier.items()}
        layers, place = {}, 0
        for name, kernel in kernels.items():
            block, _, index = name.removeprefix("conv").partition("_")
            if form == "keras" and name.startswith("conv"):
                kernel = kernel[:, :, ::-1] if name == "conv1_1" else kernel
                layers[f"block{block}_conv{index}"] = kernel, biases[name]
            elif form == "keras":
                flat = kernel.reshape(-1, kernel.shape[-1])
                layers[{"fc6": "fc1", "fc7": "fc2"}[name]] = flat, biases[name]
            elif name.startswith("conv"):
                if name == "conv1_1":
                    deviation = np.array([58.395, 57.12, 57.375])
                    kernel = kernel * deviation[:, None]
                turned = kernel.transpose(3, 2, 0, 1)
                layers[f"features.{place}"] = turned, biases[name]
                last = {"1": 2, "2": 2}.get(block, 3)
                place += 3 if int(index) == last else 2
            else:
                turned = kernel.transpose(3, 2, 0, 1)
                flat = turned.reshape(len(turned), -1)
                number = {"fc6": 0, "fc7": 3}[name]
                layers[f"classifier.{number}"] = flat, biases[name]
        last = "predictions" if form == "keras" else "classifier.6"
        layers[last] = array(7, 9), array(9)
        if form == "keras":
            content = {
                name: {f"{name}/kernel:0": k, f"{name}/bias:0": b}
                for name, (k, b) in layers.items()
            }
            return make.keras_h5(tmp_path / "vgg.h5", content)
        flat = {}
        for name, (kernel, bias) in layers.items():
            flat |= {f"{name}.weight": kernel, f"{name}.bias": bias}
        return make.safetensors(tmp_path / "vgg.safetensors", flat)

    return write


@pytest.mark.usefixtures("thin")
@pytest.mark.parametrize("form", ["keras", "torchvision"])
@pytest.mark.parametrize("entry", ["fcn_32s_vgg16", "lrr_4x_vgg16"])
def test_a_classifier_gives_the_backbone(published, classifier, form, entry):
    found = import_weights(published(form), entry)
    assert found.kept == ("head",)
    assert len(found.left_out) == 2
    assert found.labels == VOC
    for name, expected in classifier.items():
        for one, other in zip(
            weights(found.model, name), expected, strict=True
        ):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    usual = {"keras": (123.68, 116.779, 103.939)}
    expected = usual.get(form, (123.675, 116.28, 103.53))
    np.testing.assert_allclose(offsets(found.model), expected, rtol=1e-6)


@pytest.mark.usefixtures("thin")
def test_torchvisions_names_of_a_network_of_caffe(published, classifier):
    """As others converted VGG-16: pixels minus means, and not divided."""
    path = published("torchvision")
    found = import_weights(path, "fcn_32s_vgg16", channels="BGR").model
    kernel, bias = classifier["conv1_1"]
    deviation = np.array([58.395, 57.12, 57.375])
    in_file = kernel * deviation[:, None]
    one, other = weights(found, "conv1_1")
    np.testing.assert_allclose(one, in_file[:, :, ::-1], rtol=1e-5)
    np.testing.assert_array_equal(other, bias)
    np.testing.assert_allclose(
        offsets(found), (123.68, 116.779, 103.939), rtol=1e-6
    )


@pytest.mark.usefixtures("thin")
@pytest.mark.parametrize("form", ["keras", "torchvision"])
def test_a_classifier_is_sampled_for_large_fov(published, classifier, form):
    found = import_weights(published(form), "gdn_vgg16")
    assert found.kept == ("head", "interpolation matrices")
    usual = {"keras": (123.68, 116.779, 103.939)}
    expected = usual.get(form, (123.675, 116.28, 103.53))
    np.testing.assert_allclose(offsets(found.model), expected, rtol=1e-6)
    kernel, bias = classifier["fc6"]
    imported = weights(found.model, "fc6")
    assert imported[0].shape == (3, 3, 32, 64)
    np.testing.assert_array_equal(imported[0], kernel[::3, ::3, :, ::4])
    np.testing.assert_array_equal(imported[1], bias[::4])
    kernel, bias = classifier["fc7"]
    imported = weights(found.model, "fc7")
    np.testing.assert_array_equal(imported[0], kernel[:, :, ::4, ::4])
    np.testing.assert_array_equal(imported[1], bias[::4])


@pytest.mark.usefixtures("thin")
def test_convolutions_alone(tmp_path, make, classifier):
    content = {
        name: {f"{name}/kernel:0": kernel, f"{name}/bias:0": bias}
        for name, (kernel, bias) in classifier.items()
        if name.startswith("conv")
    }
    path = make.keras_h5(tmp_path / "a.h5", content)
    found = import_weights(path, "fcn_32s_vgg16", channels="RGB")
    assert found.read == ("convolutions of the backbone",)
    assert len(found.kept) == 2


def resnet_names(entry):
    """The layers of a ResNet: Keras' names and those of Caffe."""
    deep = entry.endswith("101")
    yield "conv1", "conv1"
    for stage, depth in ((2, 3), (3, 4), (4, 23 if deep else 6), (5, 3)):
        for index in range(depth):
            block = "abcdef"[index : index + 1]
            if deep and stage in (3, 4) and index:
                block = f"b{index}"
            old = f"{stage}{block}_branch"
            for branch in ("2a", "2b", "2c", *(("1",) if not index else ())):
                number = {"1": 0, "2a": 1, "2b": 2, "2c": 3}[branch]
                new = f"conv{stage}_block{index + 1}_{number}"
                yield new, f"{old}{branch}"


@pytest.mark.by_day(1)
@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "entry"),
    [
        ("keras", "guided_duc_dlc_resnet50"),
        ("caffe", "guided_duc_dlc_resnet50"),
        ("caffe", "lrr_4x_resnet101"),
    ],
)
def test_resnet(tmp_path, make, rng, form, entry):
    model = zoo.build(entry)
    found, content, layers = layers_of(model), {}, []
    expected = {}
    for new, old in resnet_names(entry):
        conv, bn = found[f"{new}_conv"], found[f"{new}_bn"]
        arrays = [
            rng.normal(size=tuple(w.shape)).astype("float32")
            for w in (*conv.weights, *bn.weights)
        ]
        arrays[-1] = arrays[-1] ** 2
        expected[new] = arrays
        kernel, bias, gamma, beta, mean, variance = arrays
        first = new == "conv1"
        if first:
            kernel = kernel[:, :, ::-1]
        norm = "bn_conv1" if first else f"bn{old}"
        name = "conv1" if first else f"res{old}"
        if form == "keras":
            content[name] = {f"{name}/kernel:0": kernel, f"{name}/bias:0": bias}
            content[norm] = {
                f"{norm}/gamma:0": gamma,
                f"{norm}/beta:0": beta,
                f"{norm}/moving_mean:0": mean,
                f"{norm}/moving_variance:0": variance,
            }
            continue
        expected[new][1] = 0 * bias
        turned = kernel.transpose(3, 2, 0, 1)
        moments = [mean * 2, variance * 2, np.array([2.0])]
        scale = norm.replace("bn", "scale", 1)
        layers += [
            make.caffe_layer(name, "Convolution", [turned]),
            make.caffe_layer(norm, "BatchNorm", moments),
            make.caffe_layer(scale, "Scale", [gamma, beta]),
        ]
    if form == "keras":
        path = make.keras_h5(tmp_path / "a.h5", content)
    else:
        path = make.caffemodel(tmp_path / "a.caffemodel", *layers)
    imported = layers_of(import_weights(path, entry).model)
    for new, arrays in expected.items():
        layers = imported[f"{new}_conv"], imported[f"{new}_bn"]
        variables = [*layers[0].weights, *layers[1].weights]
        for variable, array in zip(variables, arrays, strict=True):
            np.testing.assert_allclose(value(variable), array, atol=2e-5)


def test_torchvision_has_other_strides(tmp_path, make, array):
    state = {"layer1.0.conv1.weight": array(2, 2, 1, 1)}
    path = make.safetensors(tmp_path / "a.safetensors", state)
    with pytest.raises(WeightsError, match="halves them in the 3x3"):
        import_weights(path, "guided_duc_dlc_resnet50")


def test_caffe_with_the_strides_of_torchvision(tmp_path, make, array):
    halving = {"settings": [(6, 2)]}
    layers = [
        make.caffe_layer(name, "Convolution", [array(4, 4, side, side)], **more)
        for name, side, more in (
            ("res3a_branch2a", 1, {}),
            ("res3a_branch2b", 3, halving),
        )
    ]
    path = make.caffemodel(tmp_path / "a.caffemodel", *layers)
    with pytest.raises(WeightsError, match="res3a_branch2b, which halves them"):
        import_weights(path, "guided_duc_dlc_resnet50")
