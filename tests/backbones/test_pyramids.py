"""Backbones of other libraries, built from arguments."""

import importlib
import json
import warnings

import keras
import numpy as np
import pytest
from checks import EAGERLY
from keras import ops
from stand_ins import randomize
from stand_ins import tiny_model

from kerasseg.backbones import from_keras_cv
from kerasseg.backbones import from_keras_hub
from kerasseg.models import lrr


def value(tensor):
    return ops.convert_to_numpy(tensor)


def pixels(rng, *shape):
    return rng.uniform(0, 255, shape).astype("float32")


def imported(name, extra):
    """The library; the test is skipped where it is not installed."""
    if importlib.util.find_spec(name) is None:
        pytest.skip(f'needs pip install "kerasseg[{extra}]"')
    with warnings.catch_warnings():
        # Its own imports warn.
        warnings.simplefilter("ignore")
        return importlib.import_module(name).models


@pytest.fixture
def hub():
    return imported("keras_hub", "hub")


@pytest.fixture
def cv():
    return imported("keras_cv", "cv")


class Hub(keras.Model):
    """Has what a KerasHub backbone has."""

    def __init__(self, levels, model=None):
        model = model or tiny_model()
        super().__init__(model.inputs[0], model.outputs[0], name="theirs")
        self.pyramid_outputs = {
            name: self.get_layer(layer).output for name, layer in levels.items()
        }


class CV(keras.Model):
    """Has what a KerasCV backbone has."""

    def __init__(self, levels, include_rescaling=False):
        model = tiny_model()
        super().__init__(model.inputs[0], model.outputs[0], name="theirs")
        self.pyramid_level_inputs = levels
        self.include_rescaling = include_rescaling


LEVELS = {f"P{n}": f"level_{n}" for n in range(1, 6)}


@pytest.mark.parametrize(
    ("wrap", "theirs"), [(from_keras_hub, Hub), (from_keras_cv, CV)]
)
def test_levels_have_the_stride_of_their_name(rng, wrap, theirs):
    # Theirs are named in another way, and one is on the way to another.
    names = {"stem": "conv_2", "P1": "level_2", "P2": "level_3", "P4": "conv_5"}
    base = randomize(theirs(names), keep=True)
    backbone = wrap(base)
    assert backbone.name == "theirs"
    images = pixels(rng, 1, 64, 96, 3)
    found = backbone(images)
    assert list(found) == ["P2", "P3", "P5"]
    layers = {"P2": "level_2", "P3": "level_3", "P5": "conv_5"}
    for level, layer in layers.items():
        inner = keras.Model(base.inputs[0], base.get_layer(layer).output)
        np.testing.assert_allclose(
            value(found[level]), value(inner(images / 255)), 1e-4, 1e-4
        )
    named = wrap(base, 1 / 127.5, -1.0, "eye")
    assert named.name == "eye"
    inner = keras.Model(base.inputs[0], base.get_layer("conv_5").output)
    np.testing.assert_allclose(
        value(named(images)["P5"]),
        value(inner(images / 127.5 - 1)),
        rtol=1e-4,
        atol=1e-4,
    )


def test_models_that_rescale_by_themselves(rng):
    base = randomize(CV(LEVELS, include_rescaling=True), keep=True)
    images = pixels(rng, 1, 64, 96, 3)
    np.testing.assert_allclose(
        value(from_keras_cv(base)(images)["P5"]),
        value(base(images)),
        rtol=1e-4,
        atol=1e-4,
    )


def test_a_converter_without_scale(rng):
    base = randomize(Hub(LEVELS), keep=True)
    images = pixels(rng, 1, 64, 96, 3)
    np.testing.assert_allclose(
        value(from_keras_hub(base, None, None)(images)["P5"]),
        value(base(images)),
        rtol=1e-4,
        atol=1e-4,
    )


def test_a_decoder_on_one_of_a_fixed_size():
    base = Hub(LEVELS, tiny_model((64, 96, 3)))
    model = lrr(3, from_keras_hub(base), (50, 70, 3), level="8x", num_bases=2)
    assert model.output_shape == (None, 50, 70, 3)


@pytest.mark.parametrize("wrap", [from_keras_hub, from_keras_cv])
def test_models_of_another_kind(wrap):
    for model in (tiny_model(), "resnet_50_imagenet", None):
        with pytest.raises(TypeError, match="`backbone` must be a backbone of"):
            wrap(model)


def test_models_without_a_level():
    x = images = keras.Input((None, None, 3))
    x = keras.layers.AveragePooling2D(14, name="level_1")(x)
    base = Hub({"P1": "level_1"}, keras.Model(images, x))
    with pytest.raises(
        ValueError, match=r"stride of 2, 4, 8, 16 or 32.*'theirs' with maps of"
    ):
        from_keras_hub(base)
    with pytest.raises(ValueError, match="of shape none$"):
        from_keras_cv(CV({}))


HUB = {
    "resnet": lambda m: m.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[7],
        stackwise_num_filters=[64, 8, 8, 8],
        stackwise_num_blocks=[1, 1, 1, 1],
        stackwise_num_strides=[1, 2, 2, 2],
        block_type="basic_block",
        use_pre_activation=True,
    ),
    "densenet": lambda m: m.DenseNetBackbone(
        stackwise_num_repeats=[1, 1, 1, 1], growth_rate=4
    ),
    "efficientnet": lambda m: m.EfficientNetBackbone(
        width_coefficient=1.0,
        depth_coefficient=1.0,
        stackwise_kernel_sizes=[3] * 6,
        stackwise_num_repeats=[1] * 6,
        stackwise_input_filters=[8] * 6,
        stackwise_output_filters=[8] * 6,
        stackwise_expansion_ratios=[1, 4, 4, 4, 6, 6],
        stackwise_strides=[1, 2, 2, 2, 1, 2],
        stackwise_block_types=["fused"] * 3 + ["unfused"] * 3,
        stackwise_squeeze_and_excite_ratios=[0, 0, 0, 0.25, 0.25, 0.25],
    ),
    "cspnet": lambda m: m.CSPNetBackbone(
        stem_filters=8,
        stem_kernel_size=3,
        stem_strides=2,
        stackwise_depth=[1] * 4,
        stackwise_strides=[2] * 4,
        stackwise_num_filters=[8] * 4,
        stage_type="dark",
        block_type="dark_block",
    ),
    # Its levels P1 .. P4 have the strides 4 .. 32; one square size only.
    "mit": lambda m: m.MiTBackbone(
        layerwise_depths=[1] * 4,
        num_layers=4,
        layerwise_num_heads=[1] * 4,
        layerwise_sr_ratios=[8, 4, 2, 1],
        max_drop_path_rate=0.0,
        layerwise_patch_sizes=[7, 3, 3, 3],
        layerwise_strides=[4, 2, 2, 2],
        image_shape=(64, 64, 3),
        hidden_dims=[8] * 4,
    ),
}

CV_BACKBONES = {
    "resnet_v2": lambda m: m.ResNetV2Backbone(
        stackwise_filters=[8] * 4,
        stackwise_blocks=[2] * 4,
        stackwise_strides=[1, 2, 2, 2],
        include_rescaling=True,
    ),
    "densenet": lambda m: m.DenseNetBackbone(
        stackwise_num_repeats=[1] * 4, growth_rate=4, include_rescaling=False
    ),
    "csp_darknet": lambda m: m.CSPDarkNetBackbone(
        stackwise_channels=[8] * 4,
        stackwise_depth=[1] * 4,
        include_rescaling=True,
    ),
    "mobilenet_v3": lambda m: m.MobileNetV3Backbone(
        stackwise_expansion=[1, 4, 4, 4, 4],
        stackwise_filters=[16, 16, 24, 24, 24],
        stackwise_kernel_size=[3] * 5,
        stackwise_stride=[2, 2, 2, 1, 2],
        stackwise_se_ratio=[0.25, None, None, 0.25, 0.25],
        stackwise_activation=["relu"] * 2 + ["hard_swish"] * 3,
        include_rescaling=True,
    ),
    "efficientnet_v2": lambda m: m.EfficientNetV2Backbone(
        width_coefficient=1.0,
        depth_coefficient=1.0,
        stackwise_kernel_sizes=[3] * 6,
        stackwise_num_repeats=[1] * 6,
        stackwise_input_filters=[8] * 6,
        stackwise_output_filters=[8] * 6,
        stackwise_expansion_ratios=[1, 4, 4, 4, 6, 6],
        stackwise_squeeze_and_excite_ratios=[0, 0, 0, 0.25, 0.25, 0.25],
        stackwise_strides=[1, 2, 2, 2, 1, 2],
        stackwise_conv_types=["fused"] * 3 + ["unfused"] * 3,
        include_rescaling=True,
    ),
}

# With a level at a stride of 2 beside those at 4 .. 32.
STEMS = ("efficientnet", "mobilenet_v3", "efficientnet_v2")


def one_by_day(families, chosen):
    """The names of families, all but one of them for the night."""
    return [
        pytest.param(name, marks=() if name == chosen else pytest.mark.nightly)
        for name in families
    ]


@pytest.mark.parametrize("name", one_by_day(HUB, "resnet"))
def test_keras_hub(hub, rng, name):
    check_segmenter(from_keras_hub(HUB[name](hub)), rng, name)


@pytest.mark.parametrize("name", one_by_day(CV_BACKBONES, "mobilenet_v3"))
def test_keras_cv(cv, rng, name):
    check_segmenter(from_keras_cv(CV_BACKBONES[name](cv)), rng, name)


def check_segmenter(backbone, rng, name):
    height, width = (n or 96 for n in backbone.input_shape[1:3])
    levels = ["P2", "P3", "P4", "P5"]
    levels = ["P1", *levels] if name in STEMS else levels
    images = pixels(rng, 2, height, width, 3)
    for level, features in zip(levels, backbone(images).values(), strict=True):
        stride = 2 ** int(level[1:])
        assert features.shape[1:3] == (height // stride, width // stride)
    assert list(backbone.output) == levels

    model = lrr(3, backbone, (height, width, 3), num_bases=2)
    assert {id(v) for v in backbone.weights} <= {id(v) for v in model.weights}
    model.compile(keras.optimizers.Adam(1e-3), "mse", run_eagerly=EAGERLY)
    logits = np.ones((2, height, width, 3), "float32")
    assert np.isfinite(model.train_on_batch(images, logits))


def test_a_saved_model_of_keras_hub(hub, rng, tmp_path):
    model = randomize(
        lrr(3, from_keras_hub(HUB["resnet"](hub)), num_bases=2), keep=True
    )
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert json.loads(again.to_json()) == json.loads(model.to_json())
    images = pixels(rng, 1, 45, 70, 3)
    np.testing.assert_allclose(
        value(again(images)), value(model(images)), atol=1e-4
    )
