import inspect
import math

import keras
import numpy as np
import pytest
from checks import EAGERLY
from checks import check_model
from keras import ops
from stand_ins import FILTERS
from stand_ins import randomize
from stand_ins import tiny_backbone

from kerasseg.backbones import resnet50
from kerasseg.models import guided_duc_dlc


def value(tensor):
    return ops.convert_to_numpy(tensor)


def pixels(rng, *shape):
    return rng.uniform(0, 255, shape).astype("float32")


@pytest.fixture
def thin(monkeypatch):
    """The light head with few channels."""
    module = inspect.unwrap(guided_duc_dlc).__globals__
    monkeypatch.setitem(module["DUC_FILTERS"], "light", (6, 4))
    monkeypatch.setitem(module["DLC_FILTERS"], "light", (8, 4, 3))


def tiny_model(image_shape=(None, None, 3), **arguments):
    sizes = (64, 96, 3) if image_shape[0] else image_shape
    model = guided_duc_dlc(3, tiny_backbone(sizes), image_shape, **arguments)
    randomize(model, np.random.default_rng(5))
    return model


def outputs_of(model, names, images):
    layers = [model.get_layer(name).output for name in names]
    inner = keras.Model(model.input, layers)
    return dict(zip(names, map(value, inner(images)), strict=True))


def count(layer):
    return sum(math.prod(v.shape) for v in layer.trainable_weights)


def test_contract(rng, thin):
    check_model(
        tiny_model,
        pixels(rng, 2, 64, 96, 3),
        (2, 64, 96, 3),
        half_policies=("mixed_float16", "mixed_bfloat16"),
        atol=1e-4,
    )


def test_the_reference_on_resnet50():
    # Golden checks 3 and 5; nothing is allocated here.
    with keras.StatelessScope():
        backbone = resnet50(output_stride=16)
        model = guided_duc_dlc(19, backbone, (480, 480, 3), head="paper")
        duc, dlc, score = map(model.get_layer, ("guided_duc", "dlc", "score"))
        assert count(duc) == 10_788_224
        assert count(dlc) == 1_477_632
        assert count(dlc) + count(score) == 1_497_107
        assert count(model) == count(backbone) + 10_788_224 + 1_497_107
        _, low, middle = duc.input
        assert low.shape == (None, 30, 30, 2048)
        assert middle.shape == (None, 60, 60, 512)
        assert duc.output.shape == (None, 60, 60, 512 + 512)
        assert dlc.output.shape == (None, 60, 60, 1024)
        assert score.output.shape == (None, 60, 60, 19)
        assert model.output_shape == (None, 480, 480, 19)
        keras.backend.clear_session()


def test_the_light_head(rng):
    model = tiny_model()
    assert model.name == "guided_duc_dlc"
    names = ["guided_duc", "dlc", "score"]
    found = outputs_of(model, names, pixels(rng, 1, 64, 96, 3))
    assert [x.shape for x in found.values()] == [
        (1, 8, 12, 96 + FILTERS[2]),
        (1, 8, 12, 192 + 4 * 64),
        (1, 8, 12, 3),
    ]


@pytest.mark.parametrize("coarsest", ["P4", "P5"])
def test_the_coarsest_level_is_upsampled(rng, thin, coarsest):
    backbone = tiny_backbone()
    some = {k: x for k, x in backbone.output.items() if "P3" <= k <= coarsest}
    model = guided_duc_dlc(3, keras.Model(backbone.input, some))
    _, low, middle = model.get_layer("guided_duc").input
    assert low.shape[-1] == FILTERS[int(coarsest[1:]) - 1]
    assert middle.shape[-1] == FILTERS[2]
    assert model(pixels(rng, 1, 40, 70, 3)).shape == (1, 40, 70, 3)


def test_the_image_guides(rng, thin):
    # Golden check 8: the gradient reaches the guidance. The backbone stays
    # as it is.
    model = tiny_model()
    for layer in model.layers:
        layer.trainable = layer.name == "guided_duc"
    duc = model.get_layer("guided_duc")
    images = pixels(rng, 2, 64, 96, 3)
    kernels = [
        duc.guidance_first.convolution.kernel,
        duc.guidance_second.kernel,
        duc.guidance_strided.convolution.kernel,
    ]
    before = [value(kernel).copy() for kernel in kernels]
    model.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=EAGERLY)
    model.train_on_batch(images, np.ones((2, 64, 96, 3), "float32"))
    for kernel, old in zip(kernels, before, strict=True):
        assert abs(value(kernel) - old).max() > 1e-6


def test_the_guidance_is_the_image_around_zero(rng, thin):
    images = pixels(rng, 1, 64, 96, 3)
    found = outputs_of(tiny_model(), ["guidance", "guided_duc"], images)
    np.testing.assert_allclose(found["guidance"], images / 127.5 - 1, atol=1e-5)


def test_dropout_only_in_training(rng, thin):
    model = tiny_model(dropout=0.5)
    images = pixels(rng, 1, 64, 96, 3)
    before, after = outputs_of(model, ["dlc", "dropout"], images).values()
    np.testing.assert_array_equal(before, after)
    assert model.get_layer("dropout").rate == 0.5


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (60, 70)])
def test_any_size_is_padded_with_gray_and_cropped(rng, thin, size):
    model = tiny_model()
    height, width = size
    images = pixels(rng, 2, height, width, 3)
    wide = np.full((2, -(-height // 32) * 32, -(-width // 32) * 32, 3), 127.5)
    wide[:, :height, :width] = images
    logits = value(model(images))
    assert logits.shape == (2, height, width, 3)
    assert logits.std() > 1e-3
    expected = value(model(wide.astype("float32")))[:, :height, :width]
    np.testing.assert_allclose(logits, expected, atol=1e-4 * expected.std())


def test_images_of_several_sizes_in_turn(rng, thin):
    # TensorFlow traces the second size as one that is unknown.
    model = tiny_model()
    for size in ((33, 47), (64, 96), (45, 32)):
        images = pixels(rng, 1, *size, 3)
        logits = value(model(images))
        np.testing.assert_allclose(
            model.predict_on_batch(images), logits, atol=1e-3 * logits.std()
        )


def test_a_fixed_size(rng, thin):
    model = tiny_model((33, 70, 3))
    assert model.output_shape == (None, 33, 70, 3)
    images = pixels(rng, 1, 33, 70, 3)
    logits = value(tiny_model()(images))
    np.testing.assert_allclose(
        value(model(images)), logits, atol=1e-3 * logits.std()
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 1}, "`num_classes` must be an integer of 2 or more"),
        ({"head": "heavy"}, "of light, paper. Received: head='heavy'"),
        ({"backbone": "vgg16"}, "`backbone` must be a keras.Model"),
    ],
)
def test_arguments_out_of_range(arguments, message):
    defaults = {"num_classes": 3, "backbone": tiny_backbone()}
    with pytest.raises(ValueError, match=message):
        guided_duc_dlc(**{**defaults, **arguments})


def test_levels_that_a_backbone_lacks():
    backbone = tiny_backbone()
    outputs = backbone.output
    coarse = keras.Model(backbone.input, {"P5": outputs["P5"]})
    with pytest.raises(ValueError, match="outputs P3. .* with P5$"):
        guided_duc_dlc(3, coarse)
    fine = {k: x for k, x in outputs.items() if k <= "P3"}
    with pytest.raises(ValueError, match="coarser than P3. .*: P1, P2, P3$"):
        guided_duc_dlc(3, keras.Model(backbone.input, fine))
