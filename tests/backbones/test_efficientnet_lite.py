import math

import keras
import numpy as np
import pytest
from keras import ops

from kerasseg.backbones import efficientnet_lite
from kerasseg.importers.wheels import archive_name
from kerasseg.models import lrr

# Parameters in millions, with the last convolution and the classifier that the
# backbone leaves out, as github.com/tensorflow/tpu lists them.
PUBLISHED = {0: 4.7, 1: 5.4, 2: 6.1, 3: 8.2, 4: 13.0}
CHANNELS = {
    0: (96, 144, 240, 672, 320),
    1: (96, 144, 240, 672, 320),
    2: (96, 144, 288, 720, 352),
    3: (144, 192, 288, 816, 384),
    4: (144, 192, 336, 960, 448),
}


def value(tensor):
    return ops.convert_to_numpy(tensor)


def relu6(x):
    return np.clip(x, 0, 6)


def normalized(x, arrays, name):
    scale = arrays[f"{name}_bn/gamma"] / np.sqrt(
        arrays[f"{name}_bn/moving_variance"] + 1e-3
    )
    return (x - arrays[f"{name}_bn/moving_mean"]) * scale + arrays[
        f"{name}_bn/beta"
    ]


def windows(x, kernel, strides):
    """All windows of a map that is padded as TensorFlow pads it."""
    pads = []
    for size in x.shape[1:3]:
        total = max((-(-size // strides) - 1) * strides + kernel - size, 0)
        pads.append((total // 2, total - total // 2))
    x = np.pad(x, ((0, 0), *pads, (0, 0)))
    found = np.lib.stride_tricks.sliding_window_view(
        x, (kernel, kernel), axis=(1, 2)
    )
    return found[:, ::strides, ::strides]


def forward(images, arrays):
    """Stem and blocks 0 to 2 in NumPy, then the expansion of block 3."""
    x = (images - 127) / 128
    x = np.einsum("bhwckl,klcf->bhwf", windows(x, 3, 2), arrays["stem/kernel"])
    x = relu6(normalized(x, arrays, "stem"))
    features = {}
    for block, strides in enumerate((1, 2, 1)):
        name, inputs = f"block{block}", x
        if block:
            x = x @ arrays[f"{name}/expand/kernel"][0, 0]
            x = relu6(normalized(x, arrays, f"{name}/expand"))
            features.setdefault("P1", x)
        kernel = arrays[f"{name}/depthwise/kernel"][..., 0]
        x = np.einsum("bhwckl,klc->bhwc", windows(x, 3, strides), kernel)
        x = relu6(normalized(x, arrays, f"{name}/depthwise"))
        x = x @ arrays[f"{name}/project/kernel"][0, 0]
        x = normalized(x, arrays, f"{name}/project")
        if inputs.shape == x.shape:
            x = x + inputs
    x = x @ arrays["block3/expand/kernel"][0, 0]
    features["P2"] = relu6(normalized(x, arrays, "block3/expand"))
    return features


@pytest.fixture
def archive(tmp_path, rng):
    """Random weights of variant 0, as `kerasseg data` writes them."""
    arrays = {"head/kernel": rng.normal(size=(1, 1, 320, 1280))}
    for variable in efficientnet_lite().weights:
        layer, weight = variable.path.split("/")[-2:]
        if layer.startswith("block"):
            layer = layer.replace("_", "/", 1)
        numbers = rng.normal(0, 0.2, variable.shape)
        if weight in ("gamma", "moving_variance"):
            numbers = np.abs(numbers) + 0.5
        arrays[f"{layer}/{weight}"] = numbers.astype("float32")
    path = tmp_path / "efficientnet_lite0_no_top.npz"
    np.savez(path, **arrays)
    return path


@pytest.mark.by_day(2)
@pytest.mark.parametrize("variant", range(5))
def test_levels_and_parameters(variant):
    backbone = efficientnet_lite(variant=variant)
    assert backbone.input_shape == (None, None, None, 3)
    assert list(backbone.output) == ["P1", "P2", "P3", "P4", "P5"]
    channels = tuple(x.shape[-1] for x in backbone.output.values())
    assert channels == CHANNELS[variant]
    # Batch statistics are no parameters in the published counts.
    count = sum(math.prod(v.shape) for v in backbone.trainable_weights)
    last = channels[-1] * 1280 + 2 * 1280
    classifier = 1280 * 1000 + 1000
    assert round((count + last + classifier) / 1e6, 1) == PUBLISHED[variant]
    if variant == 0:
        assert count + last + classifier == 4_652_008


def test_strides(rng):
    images = rng.uniform(0, 255, (2, 64, 96, 3)).astype("float32")
    features = efficientnet_lite((64, 96, 3))(images)
    for level, output in features.items():
        stride = 2 ** int(level[1:])
        assert output.shape[:3] == (2, 64 // stride, 96 // stride)


def test_a_decoder_on_it(rng):
    model = lrr(3, efficientnet_lite(), num_bases=2)
    images = rng.uniform(0, 255, (1, 50, 70, 3)).astype("float32")
    assert model.output_shape == (None, None, None, 3)
    assert model(images).shape == (1, 50, 70, 3)


def test_momentum():
    backbone = efficientnet_lite(momentum=0.9)
    inside = backbone.get_layer("efficientnet_lite0_features")
    norms = [
        layer.momentum
        for layer in inside.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    # Two in block 0, three in the other fifteen, and the stem's.
    assert norms == [0.9] * (1 + 2 + 3 * 15)


@pytest.mark.by_day(1)
@pytest.mark.parametrize("size", [(32, 64), (64, 32)])
def test_the_first_blocks_in_numpy(rng, archive, size):
    images = rng.uniform(0, 255, (2, *size, 3)).astype("float32")
    features = efficientnet_lite(weights=archive)(images)
    with np.load(archive) as arrays:
        expected = forward(images, arrays)
    for level, output in expected.items():
        assert output.std() > 0.1
        np.testing.assert_allclose(value(features[level]), output, atol=1e-4)


def test_weights_arrive_bit_for_bit(archive):
    weights = efficientnet_lite(weights=archive).weights
    with np.load(archive) as arrays:
        for variable in weights:
            layer, weight = variable.path.split("/")[-2:]
            block, _, part = layer.partition("_")
            name = f"{block}/{part}" if block.startswith("block") else layer
            expected = arrays[f"{name}/{weight}"]
            np.testing.assert_array_equal(value(variable), expected)


def test_weights_of_another_variant(archive):
    with pytest.raises(ValueError, match="those of efficientnet_lite1"):
        efficientnet_lite(variant=1, weights=archive)
    with pytest.raises(ValueError, match="those of efficientnet_lite2"):
        efficientnet_lite(variant=2, weights=archive)


def test_weights_that_lack_an_array(archive):
    with np.load(archive) as file:
        arrays = dict(file)
    del arrays["block15/project_bn/gamma"]
    np.savez(archive, **arrays)
    with pytest.raises(ValueError, match="which holds other arrays"):
        efficientnet_lite(weights=archive)


def test_a_file_that_does_not_exist():
    with pytest.raises(ValueError, match="weights=/nowhere/weights.npz"):
        efficientnet_lite(weights="/nowhere/weights.npz")


@pytest.mark.parametrize("variant", [-1, 5, "0", None, 1.5, True])
def test_unknown_variants(variant):
    with pytest.raises(ValueError, match="`variant` must be an integer"):
        efficientnet_lite(variant=variant)


@pytest.mark.by_day(1)
@pytest.mark.needs_data("backbones")
@pytest.mark.parametrize("variant", [0, 1, 2])
def test_local_files(rng, data_root, variant):
    name = f"efficientnet_lite{variant}"
    path = data_root / archive_name(name)
    backbone = efficientnet_lite(variant=variant, weights=path)
    images = rng.uniform(0, 255, (1, 64, 96, 3)).astype("float32")
    features = backbone(images)
    if variant == 0:
        with np.load(path) as arrays:
            expected = forward(images, arrays)
        for level, output in expected.items():
            found = value(features[level])
            np.testing.assert_allclose(found, output, atol=1e-4)
    assert 0.1 < value(features["P5"]).std() < 10
