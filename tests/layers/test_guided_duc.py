import arithmetic
import numpy as np
import pytest
from checks import check_layer
from stand_ins import randomize

from kerasseg.layers import GuidedDUC


def normal(rng, *shape):
    return rng.normal(size=shape).astype("float32")


def inputs_of(rng, height=3, width=5, stride=8, low=(2, 3), batch=2):
    return [
        normal(rng, batch, height * stride, width * stride, 3),
        normal(rng, batch, *low, 7),
        normal(rng, batch, height, width, 4),
    ]


def built(rng, inputs, **arguments):
    layer = GuidedDUC(**{"filters": 6, "guidance_filters": 5, **arguments})
    layer.build([x.shape for x in inputs])
    randomize(layer, rng)
    return layer


def guidance_of(image, layer):
    """The guidance map by its definition: averages after both 1x1."""
    x = arithmetic.unit(image.astype("float64"), layer.guidance_first)
    kernel, bias = (arithmetic.value(v) for v in layer.guidance_second.weights)
    x = arithmetic.convolve(x, kernel) + bias
    pool = layer.guidance_stride // 4
    batch, height, width, channels = x.shape
    x = x.reshape(batch, height // pool, pool, width // pool, pool, channels)
    x = arithmetic.unit(x.mean((2, 4)), layer.guidance_strided)
    return x[:, 1::4, 1::4]


def guided_duc(inputs, layer):
    """The definition, in double precision."""
    image, low, middle = inputs
    guidance = guidance_of(image, layer)
    low = arithmetic.unit(low.astype("float64"), layer.low)
    coarse = arithmetic.resize(guidance, *low.shape[1:3])
    kernel, bias = (arithmetic.value(v) for v in layer.coefficients.weights)
    x = np.concatenate([coarse, low], axis=-1)
    x = arithmetic.convolve(x, kernel) + bias
    x = arithmetic.resize(x, *middle.shape[1:3])
    a, b = np.split(x, 2, axis=-1)
    return np.concatenate([a * guidance + b, middle], axis=-1)


@pytest.mark.by_day(1)
@pytest.mark.parametrize("stride", [4, 8])
def test_contract(rng, stride):
    check_layer(
        GuidedDUC,
        {
            "filters": 6,
            "guidance_filters": 5,
            "guidance_stride": stride,
            "dilation_rate": 1,
            "kernel_initializer": "glorot_normal",
        },
        inputs_of(rng, stride=stride),
        (2, 3, 5, 10),
        trainable=13,
        non_trainable=6,
    )


@pytest.mark.parametrize(
    "count",
    [arithmetic.RANDOM_SHAPES, pytest.param(200, marks=pytest.mark.nightly)],
)
def test_definition_on_random_shapes(rng, count):
    for _ in range(count):
        stride = int(rng.choice([4, 8]))
        height, width = rng.integers(1, 6, 2)
        inputs = inputs_of(
            rng, height, width, stride, rng.integers(1, 6, 2), batch=1
        )
        filters, guides, rate = rng.integers(1, 5, 3).tolist()
        layer = built(
            rng,
            inputs,
            filters=filters,
            guidance_filters=guides,
            guidance_stride=stride,
            dilation_rate=rate,
        )
        np.testing.assert_allclose(
            arithmetic.value(layer(inputs)),
            guided_duc(inputs, layer),
            rtol=1e-4,
            atol=1e-4,
        )


def test_parameters_and_shapes():
    # Golden check 5.
    shapes = [(None, 480, 480, 3), (None, 30, 30, 2048), (None, 60, 60, 512)]
    layer = GuidedDUC(kernel_initializer="zeros")
    assert layer.compute_output_shape(shapes) == (None, 60, 60, 1024)
    layer.build(shapes)
    counts = {
        name: sum(int(np.prod(w.shape)) for w in part.trainable_weights)
        for name, part in (
            ("g1", layer.guidance_first),
            ("g2", layer.guidance_second),
            ("s", layer.guidance_strided),
            ("l", layer.low),
            ("p", layer.coefficients),
        )
    }
    assert counts == {
        "g1": 320,
        "g2": 4_160,
        "s": 295_936,
        "l": 9_438_208,
        "p": 1_049_600,
    }
    total = sum(int(np.prod(w.shape)) for w in layer.trainable_weights)
    assert total == 10_788_224


def test_forced_coefficients(rng):
    # Golden check 6.
    inputs = inputs_of(rng)
    layer = built(rng, inputs)
    kernel, bias = layer.coefficients.weights
    kernel.assign(np.zeros(kernel.shape))
    bias.assign(np.repeat([1.0, 0.0], 6))
    outputs = arithmetic.value(layer(inputs))
    guidance = guidance_of(inputs[0], layer)
    assert guidance.std() > 0.1
    np.testing.assert_allclose(outputs[..., :6], guidance, atol=1e-4)
    np.testing.assert_array_equal(outputs[..., 6:], inputs[2])
    bias.assign(np.repeat([0.0, 0.25], 6))
    for image in (inputs[0], normal(rng, *inputs[0].shape)):
        outputs = arithmetic.value(layer([image, *inputs[1:]]))
        assert (outputs[..., :6] == 0.25).all()


def test_the_guidance_reaches_the_output(rng):
    # Golden check 8, by a difference.
    inputs = inputs_of(rng)
    layer = built(rng, inputs)
    before = arithmetic.value(layer(inputs))
    for variable in layer.guidance_first.trainable_weights:
        values = arithmetic.value(variable)
        variable.assign(values + 0.1)
        change = arithmetic.value(layer(inputs)) - before
        assert abs(change[..., :6]).max() > 1e-3
        variable.assign(values)


def test_training_and_frozen(rng):
    inputs = inputs_of(rng)
    layer = built(rng, inputs)
    plain = arithmetic.value(layer(inputs))
    layer.trainable = False
    frozen = GuidedDUC.from_config(layer.get_config())
    frozen.build([x.shape for x in inputs])
    frozen.set_weights(layer.get_weights())
    for each in (layer, frozen):
        outputs = arithmetic.value(each(inputs, training=True))
        np.testing.assert_array_equal(outputs, plain)
        assert not each.trainable_weights
    layer.trainable = True
    trained = arithmetic.value(layer(inputs, training=True))
    assert abs(trained - plain).max() > 0.1


def test_names_of_the_weights(rng):
    layer = built(rng, inputs_of(rng), name="duc")
    kernels = [v.path for v in layer.weights if v.name == "kernel"]
    assert sorted(kernels) == [
        "duc/coefficients/kernel",
        "duc/guidance1/conv/kernel",
        "duc/guidance2/kernel",
        "duc/guidance3/conv/kernel",
        "duc/low/conv/kernel",
    ]


def test_an_image_of_another_size(rng):
    inputs = inputs_of(rng, stride=4)
    with pytest.raises(ValueError, match="8 times larger.*12, 20, 3"):
        GuidedDUC(6)(inputs)


@pytest.mark.parametrize("stride", [0, 2, 6, 8.0, None])
def test_guidance_stride_out_of_range(stride):
    with pytest.raises(ValueError, match="`guidance_stride` must be a"):
        GuidedDUC(guidance_stride=stride)


@pytest.mark.parametrize(
    "argument", ["filters", "guidance_filters", "dilation_rate"]
)
def test_numbers_out_of_range(argument):
    with pytest.raises(ValueError, match=f"`{argument}` must be an integer"):
        GuidedDUC(**{argument: 0})
