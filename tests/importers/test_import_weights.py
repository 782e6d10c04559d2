import numpy as np
import pytest
from keras import ops

from kerasseg import zoo
from kerasseg.importers import import_weights
from kerasseg.importers import importable
from kerasseg.importers.matching import layers_of
from kerasseg.label_sets import VOC
from kerasseg.zoo import WeightsError

CLASSES = 5
FCN_MEAN = (122.67891434, 116.66876762, 104.00698793)


def value(variable):
    return ops.convert_to_numpy(variable)


def window(size):
    """The kernel of bilinear upsampling by half of a size."""
    line = 1 - np.abs(np.arange(size) - (size - 1) / 2) / (size / 2)
    return np.outer(line, line).astype("float32")


def dense(size, classes=CLASSES):
    """The same as Caffe has it: (in, out, height, width), mostly zeros."""
    return np.eye(classes, dtype="float32")[..., None, None] * window(size)


def weights(model, name):
    return [value(w) for w in layers_of(model)[name].weights]


def offsets(model):
    return -np.array(layers_of(model)["rescaling"].offset)


@pytest.fixture
def heads(array, classifier):
    """Kernels and biases of the 1x1 convolutions of FCN-8s."""
    channels = {
        "score_fr": classifier["fc7"][1].size,
        "score_pool4": classifier["conv4_3"][1].size,
        "score_pool3": classifier["conv3_3"][1].size,
    }
    return {
        name: (array(1, 1, count, CLASSES), array(CLASSES))
        for name, count in channels.items()
    }


UPSAMPLINGS = {"upscore2": 4, "upscore_pool4": 4, "upscore8": 16}


@pytest.fixture
def caffe_fcn(tmp_path, make, classifier, heads):
    """A function that writes FCN-8s as Caffe has it."""

    def write(change=None, border=100, more=(), **form):
        arrays = {
            name: [kernel.transpose(3, 2, 0, 1), bias]
            for name, (kernel, bias) in {**classifier, **heads}.items()
        }
        # The published kernel reads B, G, R.
        arrays["conv1_1"][0] = arrays["conv1_1"][0][:, ::-1]
        layers = {name: ("Convolution", x) for name, x in arrays.items()}
        for name, size in UPSAMPLINGS.items():
            layers[name] = ("Deconvolution", [dense(size)])
        for name, layer in (change or {}).items():
            layers[name] = layer
            if layer is None:
                del layers[name]
        made = [
            make.caffe_layer(
                name,
                kind,
                x,
                settings=[(3, border)] if name == "conv1_1" else (),
                **form,
            )
            for name, (kind, x) in layers.items()
        ]
        return make.caffemodel(tmp_path / "fcn.caffemodel", *made, *more)

    return write


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


# === Classifiers ===


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


# === LRR ===


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


# === GDN ===


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


# === ResNet ===


def resnet_names():
    """The layers of ResNet-50: Keras' names and those of Caffe."""
    yield "conv1", "conv1"
    for stage, depth in ((2, 3), (3, 4), (4, 6), (5, 3)):
        for index in range(depth):
            old = f"{stage}{'abcdef'[index]}_branch"
            for branch in ("2a", "2b", "2c", *(("1",) if not index else ())):
                number = {"1": 0, "2a": 1, "2b": 2, "2c": 3}[branch]
                new = f"conv{stage}_block{index + 1}_{number}"
                yield new, f"{old}{branch}"


@pytest.mark.slow
@pytest.mark.parametrize("form", ["keras", "caffe"])
def test_resnet(tmp_path, make, rng, form):
    entry = "guided_duc_dlc_resnet50"
    model = zoo.build(entry)
    found, content, layers = layers_of(model), {}, []
    expected = {}
    for new, old in resnet_names():
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


def test_the_entries():
    assert importable() == [
        "lrr_4x_vgg16",
        "fcn_32s_vgg16",
        "fcn_16s_vgg16",
        "fcn_8s_vgg16",
        "gdn_vgg16",
        "guided_duc_dlc_resnet50",
    ]
