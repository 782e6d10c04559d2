"""Each form computes what its layer computes, for batches of any size."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops
from stand_ins import randomize

from kerasseg.export.forms import augmentation
from kerasseg.export.forms.functional_copy import FORMS
from kerasseg.export.forms.functional_copy import with_forms
from kerasseg.export.forms.resizing import ProductResizing
from kerasseg.layers import GlobalInterpolation
from kerasseg.layers import LaplacianHead
from kerasseg.layers import LaplacianReconstruction

seeds = st.integers(0, 2**32 - 1)


def normal(rng, *shape):
    return rng.normal(size=shape).astype("float32")


def check_forms(layer, inputs, **options):
    expected = ops.convert_to_numpy(layer(inputs, **options))
    forms = {f[type(layer)] for f in FORMS.values() if type(layer) in f}
    assert forms
    for form in forms:
        outputs = ops.convert_to_numpy(form(layer)(inputs))
        np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-4)


@given(
    strides=st.sampled_from([2, 4, 8]),
    classes=st.integers(2, 10),
    count=st.integers(1, 4),
    use_bias=st.booleans(),
    sizes=st.tuples(*map(st.integers, (1, 1, 1), (3, 7, 7))),
    seed=seeds,
)
def test_laplacian_reconstruction(
    strides, classes, count, use_bias, sizes, seed
):
    rng = np.random.default_rng(seed)
    layer = LaplacianReconstruction(classes, count, strides, use_bias=use_bias)
    inputs = normal(rng, *sizes, classes * count)
    layer.build(inputs.shape)
    randomize(layer, rng)
    check_forms(layer, inputs)


@given(
    strides=st.sampled_from([2, 4, 8]),
    classes=st.integers(2, 10),
    count=st.integers(1, 4),
    channels=st.integers(1, 9),
    sizes=st.tuples(*map(st.integers, (1, 1, 1), (3, 7, 7))),
    seed=seeds,
)
def test_laplacian_head(strides, classes, count, channels, sizes, seed):
    rng = np.random.default_rng(seed)
    layer = LaplacianHead(classes, count, strides)
    inputs = normal(rng, *sizes, channels)
    layer.build(inputs.shape)
    randomize(layer, rng)
    check_forms(layer, inputs)


@given(
    resampling=st.sampled_from(["crop", "resize", "resample"]),
    batch=st.integers(1, 3),
    size=st.tuples(st.integers(4, 20), st.integers(4, 20)),
    cells=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    with_images=st.booleans(),
    seed=seeds,
)
def test_global_interpolation(
    resampling, batch, size, cells, with_images, seed
):
    rng = np.random.default_rng(seed)
    layer = GlobalInterpolation(size, resampling=resampling)
    inputs = normal(rng, batch, *cells, 3)
    if with_images:
        inputs = [inputs, normal(rng, batch, size[0] - 1, size[1] - 2, 3)]
    layer(inputs)
    randomize(layer, rng)
    check_forms(layer, inputs)


def test_the_kernel_is_that_of_the_moment(rng):
    layer = LaplacianReconstruction(3, 2)
    inputs = normal(rng, 1, 3, 5, 6)
    layer.build(inputs.shape)
    form = FORMS["onnx"][LaplacianReconstruction](layer)
    before = ops.convert_to_numpy(form(inputs))
    randomize(layer, rng)
    np.testing.assert_array_equal(ops.convert_to_numpy(form(inputs)), before)
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(
            ops.convert_to_numpy(layer(inputs)), before, atol=1e-3
        )


POOLINGS = {
    "mean": (keras.layers.AveragePooling3D, (2, 3, 4), (1, 2, 3)),
    "largest": (keras.layers.MaxPooling3D, (3, 2, 2), (2, 1, 2)),
}


@given(
    kind=st.sampled_from(sorted(POOLINGS)),
    padding=st.sampled_from(["same", "valid"]),
    sizes=st.tuples(*map(st.integers, (1, 3, 3, 4), (2, 5, 9, 8))),
    seed=seeds,
)
def test_poolings_of_volumes(kind, padding, sizes, seed):
    pooling, size, strides = POOLINGS[kind]
    inputs = normal(np.random.default_rng(seed), *sizes, 3)
    check_forms(pooling(size, strides, padding), inputs)


# Of sizes that TensorFlow itself does not crash on.
@pytest.mark.parametrize("size", [(1, 2, 3), (2, 3, 2), (2, 2, 5)])
@pytest.mark.parametrize(
    "kind", ["AdaptiveAveragePooling3D", "AdaptiveMaxPooling3D"]
)
def test_adaptive_poolings_of_volumes(rng, kind, size):
    layer = getattr(keras.layers, kind)(size)
    check_forms(layer, normal(rng, 2, 4, 6, 7, 3))


RESIZES = [
    keras.layers.Resizing(7, 11, "bicubic"),
    keras.layers.Resizing(23, 9, "bicubic", antialias=True),
    keras.layers.Resizing(5, 8, antialias=True),
    keras.layers.UpSampling2D((2, 3), interpolation="bicubic"),
]
if keras.backend.backend() == "tensorflow":
    RESIZES += [
        keras.layers.Resizing(20, 31, "lanczos3"),
        keras.layers.UpSampling2D((3, 2), interpolation="lanczos5"),
    ]


@pytest.mark.parametrize("index", range(len(RESIZES)))
def test_resizes_by_wide_kernels(rng, index):
    assert ProductResizing.fits(RESIZES[index])
    check_forms(RESIZES[index], normal(rng, 2, 13, 17, 3))


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.Resizing(7, 11),
        keras.layers.Resizing(7, 11, "bicubic", pad_to_aspect_ratio=True),
        keras.layers.UpSampling2D(2, interpolation="bilinear"),
        keras.layers.UpSampling2D(2),
    ],
)
def test_other_resizes_stay(layer):
    images = keras.Input((13, 17, 3))
    model = keras.Model(images, layer(images))
    assert not ProductResizing.fits(layer)
    assert with_forms(model, "onnx") is model


@pytest.mark.parametrize("kind", ["Average", "Max"])
@pytest.mark.parametrize("rank", [1, 2])
def test_adaptive_poolings(rng, kind, rank):
    layer = getattr(keras.layers, f"Adaptive{kind}Pooling{rank}D")
    check_forms(layer((4, 6)[:rank]), normal(rng, 2, *(9, 13)[:rank], 3))


AUGMENTATIONS = [layer.__name__ for layer in augmentation.AUGMENTATIONS]
ARGUMENTS = {
    "RandomCrop": (32, 44),
    "RandomPosterization": (4,),
    "RandomShear": (0.2, 0.2),
    "RandomTranslation": (0.2, 0.2),
    **dict.fromkeys(
        (
            *("RandomBrightness", "RandomColorDegeneration", "RandomContrast"),
            *("RandomHue", "RandomRotation", "RandomSaturation"),
            *("RandomSharpness", "RandomZoom"),
        ),
        (0.2,),
    ),
}


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_augmentations_change_nothing_in_inference(rng, name):
    layer = getattr(keras.layers, name)(*ARGUMENTS.get(name, ()))
    images = rng.integers(0, 256, (1, 36, 52, 3)).astype("float32")
    check_forms(layer, images, training=False)
