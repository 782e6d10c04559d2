import math

import keras
import numpy as np
import pytest
from checks import check_model
from keras import ops
from stand_ins import FILTERS
from stand_ins import randomize
from stand_ins import tiny_backbone

from kerasseg.models import deeplab_v3_plus


def value(tensor):
    return ops.convert_to_numpy(tensor)


def pixels(rng, *shape):
    return rng.uniform(0, 255, shape).astype("float32")


def tiny_deeplab(**arguments):
    arguments = {"filters": 6, "low_level_filters": 4, **arguments}
    model = randomize(
        deeplab_v3_plus(3, tiny_backbone(), **arguments), keep=True
    )
    # Random weights multiply values by about two a layer.
    score = model.get_layer("score").kernel
    score.assign(score / 100)
    return model


def outputs_of(model, names, images):
    layers = [model.get_layer(name).output for name in names]
    inner = keras.Model(model.input, layers)
    return dict(zip(names, map(value, inner(images)), strict=True))


def test_contract(rng):
    check_model(
        tiny_deeplab,
        pixels(rng, 2, 64, 96, 3),
        (2, 64, 96, 3),
        # Random weights overflow float16.
        half_policies=("mixed_bfloat16",),
        atol=1e-4,
    )


@pytest.mark.by_day(1)
@pytest.mark.parametrize(
    ("level", "channels", "rates"),
    [
        ("P3", FILTERS[2], (12, 24, 36)),
        ("P4", FILTERS[3], (6, 12, 18)),
        ("P5", FILTERS[4], (3, 6, 9)),
    ],
)
def test_levels(rng, level, channels, rates):
    model = tiny_deeplab(level=level)
    assert model.name == "deeplab_v3_plus"
    assert model.output_shape == (None, None, None, 3)
    logits = value(model(pixels(rng, 1, 64, 96, 3)))
    assert logits.shape == (1, 64, 96, 3)
    assert logits.dtype == "float32"
    assert logits.std() > 1e-3
    atrous = [
        layer
        for layer in model.layers
        if layer.name.startswith("aspp_rate") and hasattr(layer, "kernel")
    ]
    atrous = [x for x in atrous if x.name.endswith("_depthwise")]
    assert [x.dilation_rate for x in atrous] == [(n, n) for n in rates]
    assert {x.kernel.shape[2] for x in atrous} == {channels}


def test_parameters():
    # The paper's widths; counted by hand for 320 channels at stride 32 and 24
    # at stride 4.
    images = keras.Input((None, None, 3))
    features = {}
    for level, stride, channels in (("P2", 4, 24), ("P5", 32, 320)):
        features[level] = keras.layers.Conv2D(
            channels, stride, stride, use_bias=False, name=level
        )(images)
    backbone = keras.Model(images, features)
    with keras.StatelessScope():
        model = deeplab_v3_plus(21, backbone)
        trainable = model.trainable_weights
        count = sum(math.prod(v.shape) for v in trainable)
        keras.backend.clear_session()

    def normalized(kernel, channels):
        return kernel + 2 * channels

    def separable(inputs):
        depthwise = normalized(9 * inputs, inputs)
        return depthwise + normalized(256 * inputs, 256)

    assert count - backbone.count_params() == (
        2 * normalized(320 * 256, 256)
        + 3 * separable(320)
        + normalized(5 * 256 * 256, 256)
        + normalized(24 * 48, 48)
        + separable(256 + 48)
        + separable(256)
        + 21 * 257
    )


def test_the_mean_is_one_more_branch_of_the_pyramid(rng):
    model = tiny_deeplab()
    names = ["aspp_branches", "aspp_mean_relu", "aspp_sum"]
    branches, mean, total = outputs_of(
        model, names, pixels(rng, 2, 64, 96, 3)
    ).values()
    assert mean.shape == (2, 1, 1, 6)
    repeated = np.broadcast_to(mean, (2, 2, 3, 6))
    joined = np.concatenate([branches, repeated], axis=-1)
    kernel = np.concatenate(
        [
            value(model.get_layer(f"{name}_conv").kernel)[0, 0]
            for name in ("aspp_projection", "aspp_mean_projection")
        ]
    )
    np.testing.assert_allclose(total, joined @ kernel, rtol=1e-4, atol=1e-4)


def test_the_mean_is_of_the_whole_map(rng):
    model = tiny_deeplab(dilation_rates=(1,))
    images = pixels(rng, 1, 64, 480, 3)
    names = ["aspp_branches", "aspp_sum", "aspp_mean_relu"]
    before = outputs_of(model, names, images)
    images[:, :, :32] = 255 - images[:, :, :32]
    after = outputs_of(model, names, images)
    far = abs(after["aspp_branches"] - before["aspp_branches"])[:, :, 8:]
    assert far.max() == 0
    assert abs(after["aspp_mean_relu"] - before["aspp_mean_relu"]).max() > 0
    assert abs(after["aspp_sum"] - before["aspp_sum"])[:, :, 8:].max() > 0


def test_details_reach_the_decoder(rng):
    model = tiny_deeplab()
    names = ["upsampling", "low_level_relu", "decoder_inputs"]
    found = outputs_of(model, names, pixels(rng, 1, 64, 96, 3))
    assert found["upsampling"].shape == (1, 16, 24, 6)
    assert found["low_level_relu"].shape == (1, 16, 24, 4)
    np.testing.assert_array_equal(
        found["decoder_inputs"],
        np.concatenate([found["upsampling"], found["low_level_relu"]], -1),
    )


def test_dropout_only_in_training(rng):
    model = tiny_deeplab(dropout=0.5)
    images = pixels(rng, 1, 64, 96, 3)
    names = ["aspp_projection_relu", "aspp_dropout"]
    before, after = outputs_of(model, names, images).values()
    np.testing.assert_array_equal(before, after)
    assert model.get_layer("aspp_dropout").rate == 0.5


@pytest.mark.by_day(1)
@pytest.mark.parametrize("size", [(32, 32), (33, 47), (60, 70)])
def test_any_size_is_padded_with_gray_and_cropped(rng, size):
    model = tiny_deeplab()
    height, width = size
    images = pixels(rng, 2, height, width, 3)
    wide = np.full((2, -(-height // 32) * 32, -(-width // 32) * 32, 3), 127.5)
    wide[:, :height, :width] = images
    logits = value(model(images))
    assert logits.shape == (2, height, width, 3)
    expected = value(model(wide.astype("float32")))[:, :height, :width]
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.by_day(1)
@pytest.mark.parametrize("level", ["P4", "P5"])
def test_images_of_several_sizes_in_turn(rng, level):
    # TensorFlow traces the second size as one that is unknown.
    model = tiny_deeplab(level=level)
    for size in ((33, 47), (64, 96), (45, 32)):
        images = pixels(rng, 1, *size, 3)
        logits = value(model(images))
        np.testing.assert_allclose(
            model.predict_on_batch(images),
            logits,
            atol=1e-4 * abs(logits).max(),
        )


def test_a_fixed_size(rng):
    arguments = {"filters": 6, "low_level_filters": 4}
    backbone = tiny_backbone((64, 96, 3))
    model = deeplab_v3_plus(3, backbone, (33, 70, 3), **arguments)
    assert model.output_shape == (None, 33, 70, 3)
    free = tiny_deeplab()
    model.set_weights(free.get_weights())
    images = pixels(rng, 1, 33, 70, 3)
    logits = value(free(images))
    np.testing.assert_allclose(
        value(model(images)), logits, atol=1e-4 * abs(logits).max()
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 1}, "`num_classes` must be an integer of 2 or more"),
        ({"level": "P2"}, "one of P3, P4, P5. Received: level='P2'"),
        ({"filters": 0}, "`filters` must be .* Received: filters=0"),
        ({"low_level_filters": 1.5}, "Received: low_level_filters=1.5"),
        ({"dilation_rates": 6}, "integers of 1 or more.* dilation_rates=6"),
        ({"dilation_rates": (6, 0)}, r"Received: dilation_rates=\(6, 0\)"),
        ({"dilation_rates": (6, 6)}, r"Received: dilation_rates=\(6, 6\)"),
        ({"backbone": "vgg16"}, "`backbone` must be a keras.Model"),
    ],
)
def test_arguments_out_of_range(arguments, message):
    defaults = {"num_classes": 3, "backbone": tiny_backbone()}
    with pytest.raises(ValueError, match=message):
        deeplab_v3_plus(**{**defaults, **arguments})


def test_a_backbone_that_lacks_a_level():
    backbone = tiny_backbone()
    coarse = {k: x for k, x in backbone.output.items() if k > "P2"}
    with pytest.raises(ValueError, match="P2, P5. .* with P3, P4, P5$"):
        deeplab_v3_plus(3, keras.Model(backbone.input, coarse))
