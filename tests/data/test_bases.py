import numpy as np
import pytest
from PIL import Image

from kerasseg.data import camvid
from kerasseg.data import reconstruction_bases
from kerasseg.data.bases import _components

SMALL = {"patch_size": 16, "patches": 300}


@pytest.fixture
def masks(rng):
    """Half planes and discs of three classes, with some void."""
    rows, columns = np.mgrid[:60, :70]
    masks = []
    for _ in range(12):
        mask = (rows > rng.integers(60)).astype("uint8")
        center = rng.integers(10, 50, 2)
        radius = np.hypot(rows - center[0], columns - center[1])
        mask[radius < rng.integers(6, 20)] = 2
        mask[:, :3] = 255
        masks.append(mask)
    return masks


def test_shape_and_repeatability(masks):
    first, again, other = (
        reconstruction_bases(masks, 3, **SMALL, seed=seed) for seed in (1, 1, 2)
    )
    assert first.shape == (3, 10, 8, 8)
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_components_equal_a_singular_value_decomposition(rng):
    shapes = rng.random((50, 64)) > 0.6
    centered = shapes - shapes.mean(axis=0)
    _, values, vectors = np.linalg.svd(centered, full_matrices=False)
    expected = np.sqrt(values[:5])[:, None] * vectors[:5]
    found = _components(shapes, 5, patches=50)
    signs = np.sign((found * expected).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(found * signs, expected, atol=1e-10)
    furthest = np.abs(found).argmax(axis=1)
    assert (found[np.arange(5), furthest] > 0).all()


def test_strength_does_not_depend_on_the_number_of_patches(rng):
    shapes = rng.random((40, 64)) > 0.6
    few = _components(shapes, 5, patches=400)
    many = _components(np.tile(shapes, (10, 1)), 5, patches=400)
    np.testing.assert_allclose(few, many, atol=1e-6)


def test_bases_are_ordered_and_shrunk_bicubically(masks):
    bases = reconstruction_bases(masks, 3, num_bases=4, **SMALL)
    large = reconstruction_bases(masks, 3, num_bases=4, size=16, **SMALL)
    strengths = (large**2).sum(axis=(2, 3))
    assert (np.diff(strengths, axis=1) <= 1e-6).all()
    small = Image.fromarray(large[1, 2]).resize(
        (8, 8), Image.Resampling.BICUBIC
    )
    np.testing.assert_allclose(bases[1, 2], small, atol=1e-5)


def test_class_that_is_absent_or_rare_is_named(masks):
    with pytest.raises(ValueError, match="show class 3 .*Received: 0 such"):
        reconstruction_bases(masks, 4, **SMALL)
    masks[0][30:32, 30:32] = 3
    with pytest.raises(ValueError, match="show class 3 .*at least 2%"):
        reconstruction_bases(masks, 4, **SMALL)


def test_unknown_ids_are_named(masks):
    with pytest.raises(ValueError, match="masks` holds unknown class ids: 2"):
        reconstruction_bases(masks, 2)


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        ([], "must not be empty"),
        ([np.zeros((31, 64), "uint8")], r"32 pixels .*shape=\(31, 64\)"),
        ([np.zeros((64, 64, 1), "uint8")], r"shape=\(64, 64, 1\)"),
    ],
)
def test_bad_masks(masks, message):
    with pytest.raises(ValueError, match=message):
        reconstruction_bases(masks, 2)


@pytest.mark.parametrize("num_bases", [0, 100])
def test_bad_number_of_bases(masks, num_bases):
    with pytest.raises(ValueError, match=f"num_bases={num_bases}"):
        reconstruction_bases(masks, 3, num_bases=num_bases, patches=100)


@pytest.mark.slow
@pytest.mark.needs_data("camvid")
def test_camvid_has_enough_of_every_class():
    data = camvid("train")
    masks = [mask for _, mask in data.subset(data.names[::5])]
    bases = reconstruction_bases(masks, 11, patch_size=16, patches=500)
    assert np.isfinite(bases).all()
    assert (np.abs(bases).max(axis=(2, 3)) > 0.05).all()
