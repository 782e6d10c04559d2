import math

import keras
import numpy as np
import pytest
from keras import ops

from kerasseg.backbones import resnet50
from kerasseg.backbones import resnet101
from kerasseg.backbones import resnet152

CHANNELS = (64, 256, 512, 1024, 2048)


def value(tensor):
    return ops.convert_to_numpy(tensor)


@pytest.fixture
def nothing_allocated():
    """Models have shapes, but no weights."""
    with keras.StatelessScope():
        yield
        keras.backend.clear_session()


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A file of `keras.applications` with weights that matter."""
    path = str(tmp_path_factory.mktemp("resnet") / "resnet.weights.h5")
    model = published()
    generator = np.random.default_rng(1)
    for variable in model.weights:
        shape = variable.shape
        if variable.name == "moving_variance":
            # Sums of the blocks grow otherwise.
            variable.assign(generator.uniform(1, 4, shape))
        elif variable.name in ("bias", "moving_mean"):
            variable.assign(generator.normal(0, 0.1, shape))
    model.save_weights(path)
    return path


def published():
    return keras.applications.ResNet50(
        include_top=False, weights=None, input_shape=(None, None, 3)
    )


def inner(backbone):
    """The network inside, which knows its layers by name."""
    return next(x for x in backbone.layers if isinstance(x, keras.Model))


def assert_close(found, expected):
    spread = expected.std()
    assert spread > 1e-3
    np.testing.assert_allclose(found, expected, atol=1e-4 * spread)


@pytest.mark.parametrize(
    ("build", "count"),
    [
        (resnet50, 23_534_592),
        pytest.param(resnet101, 42_552_832, marks=pytest.mark.nightly),
        pytest.param(resnet152, 58_219_520, marks=pytest.mark.nightly),
    ],
)
def test_levels_and_parameters(nothing_allocated, build, count):
    backbone = build((64, 96, 3))
    assert {k: tuple(x.shape) for k, x in backbone.output.items()} == {
        f"P{level}": (None, 64 >> level, 96 >> level, channels)
        for level, channels in enumerate(CHANNELS, start=1)
    }
    trainable = sum(math.prod(v.shape) for v in backbone.trainable_weights)
    assert trainable == count
    momenta = {
        layer.momentum
        for layer in inner(backbone).layers
        if isinstance(layer, keras.layers.BatchNormalization)
    }
    assert momenta == {0.97}


@pytest.mark.by_day(1)
@pytest.mark.parametrize(
    ("output_stride", "channels"),
    [(16, (64, 256, 512, 2048)), (8, (64, 256, 2048))],
)
def test_the_last_stage_is_the_coarsest_level(
    nothing_allocated, output_stride, channels
):
    backbone = resnet50(output_stride=output_stride)
    assert backbone.input_shape == (None, None, None, 3)
    assert {k: x.shape[-1] for k, x in backbone.output.items()} == {
        f"P{level}": count for level, count in enumerate(channels, start=1)
    }


@pytest.mark.slow
def test_pixels_enter_as_the_weights_want_them(rng, weights):
    images = rng.uniform(0, 255, (1, 64, 96, 3)).astype("float32")
    original = published()
    original.load_weights(weights)
    prepared = keras.applications.resnet.preprocess_input(
        images.copy(), data_format="channels_last"
    )
    backbone = resnet50(weights=weights)
    assert_close(value(backbone(images)["P5"]), value(original(prepared)))


@pytest.mark.by_day(1)
@pytest.mark.slow
@pytest.mark.parametrize("output_stride", [16, 8])
def test_dilated_stages_compute_the_same_in_between(
    rng, weights, output_stride
):
    images = rng.uniform(0, 255, (1, 64, 96, 3)).astype("float32")
    plain = resnet50(weights=weights)(images)
    dilated = resnet50(weights=weights, output_stride=output_stride)(images)
    skip = 32 // output_stride
    last = value(dilated[max(dilated)])
    assert_close(last[:, ::skip, ::skip], value(plain["P5"]))
    for level in set(dilated) - {max(dilated)}:
        assert_close(value(dilated[level]), value(plain[level]))


def test_another_output_stride():
    with pytest.raises(ValueError, match="32, 16 or 8. .*output_stride=4"):
        resnet50(output_stride=4)


def test_a_file_that_does_not_exist():
    with pytest.raises(ValueError, match="weights=/nowhere/weights.h5"):
        resnet50(weights="/nowhere/weights.h5")
