import math

import keras
import numpy as np
import pytest
from checks import check_model
from keras import ops
from stand_ins import randomize
from stand_ins import tiny_backbone

from kerasseg.layers import IPixelDCL
from kerasseg.layers import PixelDCL
from kerasseg.models import pixel_dcl_unet

LAYERS = {
    "deconv": keras.layers.Conv2DTranspose,
    "pixel_dcl": PixelDCL,
    "ipixel_dcl": IPixelDCL,
}
FORMS = ("light", "own", "reference")


def value(tensor):
    return ops.convert_to_numpy(tensor)


def pixels(rng, *shape):
    return rng.uniform(0, 255, shape).astype("float32")


def tiny_unet(form="light", image_shape=(None, None, 3), **arguments):
    """A U-Net of few channels whose logits vary."""
    if form == "light":
        sizes = (64, 96, 3) if image_shape[0] else image_shape
        arguments["backbone"] = tiny_backbone(sizes)
    elif form == "reference":
        arguments["reference"] = True
    model = pixel_dcl_unet(
        3, image_shape=image_shape, **{"filters": 2, **arguments}
    )
    randomize(model, np.random.default_rng(5))
    return model


def outputs_of(model, names, images):
    layers = [model.get_layer(name).output for name in names]
    inner = keras.Model(model.input, layers)
    return dict(zip(names, map(value, inner(images)), strict=True))


def count(variables):
    return sum(math.prod(v.shape) for v in variables)


@pytest.mark.by_day(1)
@pytest.mark.parametrize(
    ("form", "upsampling"),
    [
        ("light", "ipixel_dcl"),
        ("reference", "pixel_dcl"),
        pytest.param("light", "pixel_dcl", marks=pytest.mark.nightly),
        pytest.param("own", "deconv", marks=pytest.mark.nightly),
        pytest.param("own", "ipixel_dcl", marks=pytest.mark.nightly),
    ],
)
def test_contract(rng, form, upsampling):
    check_model(
        lambda: tiny_unet(form, upsampling=upsampling),
        pixels(rng, 2, 64, 96, 3),
        (2, 64, 96, 3),
        half_policies=("mixed_float16", "mixed_bfloat16"),
        atol=1e-4,
    )


@pytest.mark.by_day(4)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("upsampling", LAYERS)
def test_upsampling_layers(form, upsampling):
    model = tiny_unet(form, upsampling=upsampling)
    assert model.name == f"{upsampling}_unet"
    up = [x for x in model.layers if type(x) is LAYERS[upsampling]]
    if form == "light":
        expected = {"up_P4": 8, "up_P3": 4, "up_P2": 2}
    else:
        expected = {f"up{n}_conv1": 2**n * 2 for n in (3, 2, 1, 0)}
    assert {layer.name: layer.filters for layer in up} == expected


@pytest.mark.by_day(1)
@pytest.mark.parametrize(
    ("upsampling", "parameters", "masked"),
    [
        ("deconv", 25_093_034, 0),
        ("pixel_dcl", 31_358_954, 31_358_954 - 29_618_154),
        ("ipixel_dcl", 50_159_594, 0),
    ],
)
def test_parameters_of_the_reference(upsampling, parameters, masked):
    # Golden check 9; nothing is allocated here.
    with keras.StatelessScope():
        model = pixel_dcl_unet(21, upsampling=upsampling, reference=True)
        ours = pixel_dcl_unet(21, upsampling=upsampling)
        assert count(model.trainable_weights) == parameters
        assert not model.non_trainable_weights
        # Scales instead of biases, which pixel deconvolutions do not have,
        # and the logits are not normalized.
        scales = count(v for v in ours.weights if v.name == "gamma")
        added = 0 if upsampling == "deconv" else 64 + 128 + 256 + 512
        assert count(ours.trainable_weights) == parameters + added - 21
        assert count(ours.non_trainable_weights) == 2 * scales
        kernels = [v for v in model.weights if v.name == "kernel_3"]
        if upsampling == "pixel_dcl":
            assert 5 * count(v[0, 0] for v in kernels) == masked
        keras.backend.clear_session()


def test_the_shape_of_the_letter(rng):
    names = ["bottom_conv2_relu"]
    names += [f"down{n}_conv2_relu" for n in range(4)]
    names += [f"up{n}_join" for n in range(4)]
    found = outputs_of(tiny_unet("own"), names, pixels(rng, 1, 64, 96, 3))
    assert found.pop("bottom_conv2_relu").shape == (1, 4, 6, 16)
    for step in range(4):
        down = found[f"down{step}_conv2_relu"]
        joined = found[f"up{step}_join"]
        channels = 2 * 2**step
        assert down.shape == (1, 64 >> step, 96 >> step, channels)
        assert joined.shape == (*down.shape[:3], 2 * channels)
        np.testing.assert_array_equal(joined[..., channels:], down)


@pytest.mark.parametrize(
    ("level", "channels"),
    [("P4", {4: 4}), ("P2", {4: 16, 3: 8, 2: 4}), ("P1", {3: 16, 2: 8, 1: 4})],
)
def test_levels_of_a_backbone(rng, level, channels):
    model = tiny_unet(level=level, filters=4)
    names = [f"{x}_P{n}" for n in channels for x in ("join", "conv")]
    found = outputs_of(model, names, pixels(rng, 1, 64, 96, 3))
    for n, filters in channels.items():
        sizes = (1, 64 >> n, 96 >> n)
        assert found[f"join_P{n}"].shape == (*sizes, filters + filters // 2)
        assert found[f"conv_P{n}"].shape == (*sizes, filters)
    joined = {x.name for x in model.layers if x.name.startswith("join_")}
    assert joined == {f"join_P{n}" for n in range(min(channels), 5)}


def test_channels_of_the_zoo():
    for level, filters in (("P1", 12), ("P2", 24), ("P3", 48), ("P4", 96)):
        with keras.StatelessScope():
            model = pixel_dcl_unet(3, tiny_backbone(), level=level)
            assert model.get_layer("up_P4").filters == 96
            assert model.get_layer(f"up_{level}").filters == filters
            keras.backend.clear_session()


def test_the_reference_looks_at_the_batch(rng):
    images = pixels(rng, 3, 64, 96, 3)
    images[1] /= 20
    for form, same in (("own", True), ("reference", False), ("light", True)):
        model = tiny_unet(form)
        alone = value(model(images[:1]))
        among_others = value(model(images))[:1]
        changed = abs(among_others - alone).max() / alone.std()
        assert (changed < 1e-3) == same


def test_logits_of_the_reference_are_normalized(rng):
    model = tiny_unet("reference")
    beta = value(model.get_layer("up0_conv3_bn").beta)
    logits = value(model(pixels(rng, 2, 64, 96, 3)))
    np.testing.assert_allclose(logits.mean((0, 1, 2)), beta, atol=1e-3)
    np.testing.assert_allclose(logits.std((0, 1, 2)), 1, atol=1e-2)


def test_the_start_of_the_reference():
    model = pixel_dcl_unet(3, filters=16, reference=True)
    kernel = value(model.get_layer("down3_conv1").kernel)
    assert kernel.std() == pytest.approx(0.88, abs=0.02)
    masked = value(model.get_layer("up3_conv1").kernel_3)
    assert masked.std() == pytest.approx(0.88, abs=0.02)
    plain = value(pixel_dcl_unet(3, filters=4).get_layer("up3_conv2").kernel)
    assert plain.std() == pytest.approx((2 / 9 / 64) ** 0.5, rel=0.1)


@pytest.mark.by_day(3)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [(32, 32), (33, 47), (60, 70)])
def test_any_size_is_padded_with_gray_and_cropped(rng, form, size):
    model = tiny_unet(form)
    height, width = size
    step = 32 if form == "light" else 16
    images = pixels(rng, 2, height, width, 3)
    padded = -(-height // step) * step, -(-width // step) * step
    wide = np.full((2, *padded, 3), 127.5)
    wide[:, :height, :width] = images
    logits = value(model(images))
    assert logits.shape == (2, height, width, 3)
    assert logits.std() > 1e-3
    expected = value(model(wide.astype("float32")))[:, :height, :width]
    np.testing.assert_allclose(logits, expected, atol=1e-4 * expected.std())


@pytest.mark.by_day(1)
@pytest.mark.parametrize("upsampling", LAYERS)
@pytest.mark.parametrize("form", ["light", "own"])
def test_images_of_several_sizes_in_turn(rng, form, upsampling):
    # TensorFlow traces the second size as one that is unknown.
    model = tiny_unet(form, upsampling=upsampling)
    for size in ((33, 47), (64, 96), (45, 32)):
        images = pixels(rng, 1, *size, 3)
        logits = value(model(images))
        np.testing.assert_allclose(
            model.predict_on_batch(images), logits, atol=1e-3 * logits.std()
        )


@pytest.mark.by_day(1)
@pytest.mark.parametrize("form", FORMS)
def test_a_fixed_size(rng, form):
    model = tiny_unet(form, (33, 70, 3))
    assert model.output_shape == (None, 33, 70, 3)
    images = pixels(rng, 1, 33, 70, 3)
    logits = value(tiny_unet(form)(images))
    np.testing.assert_allclose(
        value(model(images)), logits, atol=1e-3 * logits.std()
    )


def test_a_larger_kernel():
    sizes = {"deconv": 6, "pixel_dcl": 5, "ipixel_dcl": 5}
    for upsampling, size in sizes.items():
        model = tiny_unet(upsampling=upsampling, kernel_size=size)
        kernel = model.get_layer("up_P4").weights[0]
        assert tuple(kernel.shape[:2]) == (size, size)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 1}, "`num_classes` must be an integer of 2 or more"),
        ({"upsampling": "bilinear"}, "deconv, .* upsampling='bilinear'"),
        ({"filters": 0}, "`filters` must be .* Received: filters=0"),
        ({"filters": 1.5}, "Received: filters=1.5"),
        ({"kernel_size": 4}, "`kernel_size` must be an odd integer"),
        ({"level": "P5"}, "one of P1, P2, P3, P4. Received: level='P5'"),
        ({"reference": True}, "`backbone` must be None with `reference=True`"),
        ({"backbone": "vgg16"}, "`backbone` must be a keras.Model"),
    ],
)
def test_arguments_out_of_range(arguments, message):
    defaults = {"num_classes": 3, "backbone": tiny_backbone()}
    with pytest.raises(ValueError, match=message):
        pixel_dcl_unet(**{**defaults, **arguments})


def test_images_that_are_too_small():
    with pytest.raises(ValueError, match="height and width of 32 pixels"):
        pixel_dcl_unet(3, image_shape=(31, 40, 3), filters=2)


def test_levels_that_a_backbone_lacks():
    backbone = tiny_backbone()
    some = {k: x for k, x in backbone.output.items() if k in ("P2", "P4")}
    backbone = keras.Model(backbone.input, some)
    with pytest.raises(ValueError, match="P2, P3. .* with P2, P4$"):
        pixel_dcl_unet(3, backbone)
    with pytest.raises(ValueError, match="finer than P4, .* level='P4'"):
        pixel_dcl_unet(3, backbone, level="P4")
