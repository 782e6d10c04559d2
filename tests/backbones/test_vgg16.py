import importlib

import keras
import numpy as np
import pytest
from keras import ops

from kerasseg.backbones import vgg16

# The package offers the function under the name of the module.
MODULE = importlib.import_module("kerasseg.backbones.vgg16")
THINNER = 16
BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))


def value(tensor):
    return ops.convert_to_numpy(tensor)


@pytest.fixture
def thin(monkeypatch):
    """All of VGG-16 with a sixteenth of its channels."""
    convolution = MODULE.convolution

    def thinner(filters, kernel_size, name, *padding):
        return convolution(filters // THINNER, kernel_size, name, *padding)

    monkeypatch.setattr(MODULE, "convolution", thinner)


def thin_classifier():
    """As `keras.applications.VGG16`, with a sixteenth of the channels."""
    layers = [keras.Input((224, 224, 3))]
    for block, (filters, depth) in enumerate(BLOCKS, start=1):
        layers += [
            keras.layers.Conv2D(
                filters // THINNER,
                3,
                padding="same",
                activation="relu",
                name=f"block{block}_conv{index}",
            )
            for index in range(1, depth + 1)
        ]
        layers.append(keras.layers.MaxPooling2D(2, name=f"block{block}_pool"))
    layers += [
        keras.layers.Flatten(),
        keras.layers.Dense(4096 // THINNER, "relu", name="fc1"),
        keras.layers.Dense(4096 // THINNER, "relu", name="fc2"),
        keras.layers.Dense(10, "softmax", name="predictions"),
    ]
    return keras.Sequential(layers)


def test_levels(thin):
    backbone = vgg16()
    assert backbone.input_shape == (None, None, None, 3)
    channels = {k: x.shape[-1] for k, x in backbone.output.items()}
    assert channels == {"P1": 8, "P2": 16, "P3": 32, "P4": 32, "P5": 256}
    fixed = vgg16((64, 96, 3))
    for level, output in fixed.output.items():
        stride = 2 ** int(level[1:])
        assert output.shape[1:3] == (64 // stride, 96 // stride)


def test_levels_after_pooling(thin, rng):
    backbone = vgg16(taps="pool")
    channels = {k: x.shape[-1] for k, x in backbone.output.items()}
    assert channels == {"P1": 4, "P2": 8, "P3": 16, "P4": 32, "P5": 256}
    before = vgg16()
    before.set_weights(backbone.get_weights())
    images = rng.uniform(0, 255, (1, 64, 96, 3)).astype("float32")
    after, before = backbone(images), before(images)
    np.testing.assert_array_equal(value(after["P5"]), value(before["P5"]))
    blocks = value(before["P3"]).reshape(1, 4, 2, 6, 2, 32)
    np.testing.assert_array_equal(value(after["P4"]), blocks.max((2, 4)))


@pytest.mark.parametrize("size", [(1, 40), (33, 47), (64, 96)])
def test_levels_of_the_reference_geometry(thin, rng, size):
    backbone = vgg16(taps="pool", padding="caffe")
    assert backbone.input_shape == (None, None, None, 3)
    features = backbone(rng.uniform(0, 255, (1, *size, 3)).astype("float32"))
    for level, x in features.items():
        stride, fewer = 2 ** int(level[1:]), 6 if level == "P5" else 0
        cells = tuple(-(-(n + 198) // stride) - fewer for n in size)
        assert tuple(x.shape[1:3]) == cells


def test_the_border_is_black_after_the_mean(thin, rng):
    # The means of the pixels are subtracted before 100 zeros are put around.
    (inner,) = [
        layer
        for layer in vgg16(taps="pool", padding="caffe").layers
        if isinstance(layer, keras.Model)
    ]
    first = keras.Model(inner.input, inner.get_layer("conv1_1").output)
    kernel, _ = inner.get_layer("conv1_1").get_weights()
    bias = rng.normal(size=kernel.shape[-1]).astype("float32")
    inner.get_layer("conv1_1").set_weights([kernel, bias])
    maps = value(first(rng.normal(size=(1, 4, 6, 3)).astype("float32")))
    assert maps.shape[1:3] == (4 + 198, 6 + 198)
    expected = np.broadcast_to(np.maximum(bias, 0), maps.shape[2:])
    np.testing.assert_allclose(maps[0, 97], expected, atol=1e-6)
    assert abs(maps[0, 98] - expected).max() > 1e-3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"taps": "fc"}, "one of conv, pool. Received: taps='fc'"),
        ({"padding": "valid"}, "same, caffe. Received: padding='valid'"),
        ({"padding": "caffe"}, '"pool" with padding="caffe"'),
    ],
)
def test_arguments_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        vgg16(**arguments)


def test_all_layers_have_biases_and_rectify(thin, rng):
    images = rng.uniform(0, 255, (1, 64, 96, 3)).astype("float32")
    backbone = vgg16()
    for features in backbone(images).values():
        assert value(features).min() == 0
    assert len(backbone.trainable_weights) == 30
    assert not backbone.non_trainable_weights


def test_dropout_after_both_layers(thin):
    (features,) = [
        layer
        for layer in vgg16(dropout=0.25).layers
        if isinstance(layer, keras.Model)
    ]
    for name in ("fc6_dropout", "fc7_dropout"):
        assert features.get_layer(name).rate == 0.25


def test_weights_of_the_classifier_mean_the_same(
    thin, rng, monkeypatch, tmp_path
):
    # At 224 x 224 the fully connected layers see what fc6 sees in the middle
    # of its map. The classifier wants B, G, R without their means.
    classifier = thin_classifier()
    for layer in classifier.layers:
        for weight in layer.weights:
            if weight.name == "bias":
                weight.assign(rng.normal(0, 0.1, weight.shape))
    path = str(tmp_path / "vgg.weights.h5")
    classifier.save_weights(path)

    def published(weights, include_top):
        assert include_top
        model = thin_classifier()
        model.load_weights(weights)
        return model

    monkeypatch.setattr(keras.applications, "VGG16", published)
    backbone = vgg16(weights=path)
    images = rng.uniform(0, 255, (1, 224, 224, 3)).astype("float32")
    features = value(backbone(images)["P5"])
    assert features.shape == (1, 7, 7, 256)

    prepared = keras.applications.vgg16.preprocess_input(
        images.copy(), data_format="channels_last"
    )
    fc2 = keras.Model(classifier.inputs[0], classifier.get_layer("fc2").output)
    expected = value(fc2(prepared))
    scale = expected.std()
    assert scale > 0
    np.testing.assert_allclose(
        features[:, 3, 3], expected, rtol=1e-4, atol=1e-4 * scale
    )


def test_a_file_that_does_not_exist(thin):
    with pytest.raises(ValueError, match="weights=/nowhere/vgg.h5"):
        vgg16(weights="/nowhere/vgg.h5")


def test_parameters():
    # Section 3 of Long et al.: 134 million. Nothing is allocated here.
    shapes = {}
    with keras.StatelessScope():
        for weight in vgg16().weights:
            shapes[weight.path] = tuple(weight.shape)
        keras.backend.clear_session()
    counts = {path: np.prod(shape) for path, shape in shapes.items()}
    assert sum(counts.values()) == 134_260_544
    assert sum(n for p, n in counts.items() if "fc6" in p) == 102_764_544
    assert sum(n for p, n in counts.items() if "fc7" in p) == 16_781_312
    assert sum(n for p, n in counts.items() if "conv" in p) == 14_714_688


@pytest.mark.parametrize("channels", [1, 5])
def test_the_blue_green_red_kernel_of_other_channels(
    thin, monkeypatch, channels
):
    source = thin_classifier()
    monkeypatch.setattr(keras.applications, "VGG16", lambda **options: source)
    backbone = vgg16((64, 96, channels), weights="imagenet")
    (inner,) = [x for x in backbone.layers if isinstance(x, keras.Model)]
    kernel, _ = inner.get_layer("conv1_1").get_weights()
    published, _ = source.get_layer("block1_conv1").get_weights()
    rgb, means = published[:, :, ::-1], (123.68, 116.779, 103.939)
    if channels == 1:
        expected, offset = rgb.sum(2, keepdims=True), [-sum(means) / 3]
    else:
        expected = rgb[:, :, [0, 1, 2, 0, 1]] * 0.6
        offset = [-means[i] for i in (0, 1, 2, 0, 1)]
    np.testing.assert_allclose(kernel, expected, rtol=1e-5)
    found = backbone.get_layer("rescaling").offset
    np.testing.assert_allclose(found, offset, rtol=1e-6)


def archived(model, names, rng):
    """An archive's arrays for the layers whose names begin so."""
    return {
        "/".join(v.path.split("/")[-2:]): rng.normal(size=tuple(v.shape))
        for v in model.weights
        if v.path.split("/")[-2].startswith(names)
    }


@pytest.mark.parametrize("names", [("conv",), ("conv", "fc")])
def test_weights_of_an_archive(thin, tmp_path, rng, names):
    arrays = archived(vgg16(), names, rng)
    assert len(arrays) == (26 if len(names) == 1 else 30)
    np.savez(tmp_path / "a.npz", **arrays)
    backbone = vgg16(weights=tmp_path / "a.npz", mean=(3.0, 2.0, 1.0))
    for variable in backbone.weights:
        name = "/".join(variable.path.split("/")[-2:])
        if name in arrays:
            expected = arrays[name].astype("float32")
            np.testing.assert_array_equal(value(variable), expected)
    assert list(backbone.get_layer("rescaling").offset) == [-3, -2, -1]
    del arrays["conv3_1/bias"]
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(ValueError, match="which holds other arrays"):
        vgg16(weights=tmp_path / "a.npz")
