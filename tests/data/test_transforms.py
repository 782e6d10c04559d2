import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from kerasseg.data import Augmentation

PLAIN = {"brightness": 0, "contrast": 0, "saturation": 0, "gamma": 0}


def _sample(rng, size=(33, 47), ids=(0, 3, 8)):
    image = rng.integers(0, 256, (*size, 3), dtype="uint8")
    return image, rng.choice(np.array(ids, "uint8"), size)


@settings(max_examples=200, deadline=None)
@given(
    size=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    crop=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    low=st.floats(0.05, 3),
    factor=st.floats(1, 4),
    dtype=st.sampled_from(["uint8", "int32", "uint16"]),
    seed=st.integers(0, 2**32),
    more=st.fixed_dictionaries(
        {},
        optional={
            "vertical_flip": st.just(True),
            "quarter_turns": st.just(True),
            "rotation": st.floats(0, 180),
            "blur": st.floats(0, 2),
            "class_balance": st.floats(0, 1),
        },
    ),
)
def test_no_new_ids(size, crop, low, factor, dtype, seed, more):
    rng = np.random.default_rng(seed)
    image, mask = _sample(rng, size, ids=(0, 3, 8, 100))
    scale = low, low * factor
    augment = Augmentation(crop, scale, ignore_class=200, **more)
    new_image, new_mask = augment(image, mask.astype(dtype), rng)
    assert new_image.shape == (*crop, 3)
    assert new_image.dtype == np.uint8
    assert new_mask.shape == crop
    assert new_mask.dtype == dtype
    assert set(np.unique(new_mask)) <= {*np.unique(mask).tolist(), 200}
    # Turned by any angle, a crop is no longer than its diagonal.
    need = [sum(crop) + 3] * 2 if "rotation" in more else crop
    need = [max(need)] * 2 if "quarter_turns" in more else need
    fits = all(s * low >= c + 1 for s, c in zip(size, need, strict=True))
    assert not fits or 200 not in new_mask


def test_scale_one_without_color_is_a_window(rng):
    image, mask = _sample(rng)
    augment = Augmentation((33, 47), (1, 1), flip=False, **PLAIN)
    new_image, new_mask = augment(image, mask, rng)
    np.testing.assert_array_equal(new_image, image)
    np.testing.assert_array_equal(new_mask, mask)


def test_flip_mirrors_both_in_half_of_the_samples(rng):
    image, mask = _sample(rng)
    augment = Augmentation((33, 47), (1, 1), **PLAIN)
    mirrored = 0
    for _ in range(200):
        new_image, new_mask = augment(image, mask, rng)
        step = -1 if (new_mask == mask[:, ::-1]).all() else 1
        np.testing.assert_array_equal(new_mask, mask[:, ::step])
        np.testing.assert_array_equal(new_image, image[:, ::step])
        mirrored += step == -1
    assert 70 < mirrored < 130


def test_image_and_mask_stay_aligned(rng):
    # The image shows its own mask: 40 per id, on blocks of 24 pixels.
    blocks = rng.integers(0, 6, (8, 12), dtype="uint8")
    mask = np.kron(blocks, np.ones((24, 24), "uint8"))
    image = np.repeat(mask[..., None] * 40, 3, axis=-1)
    augment = Augmentation((96, 120), (0.5, 2.0), **PLAIN)
    for _ in range(30):
        new_image, new_mask = augment(image, mask, rng)
        away = new_mask != 255
        error = np.abs(new_image[..., 0] - 40.0 * new_mask)[away]
        # Only pixels beside an edge between blocks are mixed.
        assert (error > 0.5).mean() < 0.35
        assert error.mean() < 8


def test_small_images_are_padded_with_gray_and_ignored(rng):
    image, mask = _sample(rng, size=(20, 30))
    augment = Augmentation((64, 48), (1, 1), False, fill=9, ignore_class=77)
    corners = set()
    for _ in range(40):
        new_image, new_mask = augment(image, mask, rng)
        inside = new_mask != 77
        assert inside.sum() == 20 * 30
        assert (new_image[~inside] == 9).all()
        rows, columns = np.nonzero(inside)
        np.testing.assert_array_equal(
            new_mask[rows.min() :, columns.min() :][:20, :30], mask
        )
        corners.add((rows.min(), columns.min()))
    assert len(corners) > 20


def test_scale_spans_its_range_evenly_in_the_logarithm(rng):
    mask = np.zeros((40, 40), "uint8")
    image = np.zeros((40, 40, 3), "uint8")
    augment = Augmentation((100, 100), (0.5, 2.0))
    sides = [
        np.sqrt((augment(image, mask, rng)[1] == 0).sum()) / 40
        for _ in range(300)
    ]
    assert min(sides) == pytest.approx(0.5, abs=0.03)
    assert max(sides) == pytest.approx(2.0, abs=0.06)
    assert np.median(sides) == pytest.approx(1.0, abs=0.12)


@pytest.mark.parametrize("name", ["brightness", "contrast", "gamma"])
def test_tone_changes_keep_the_order_of_tones(rng, name):
    ramp = np.tile(np.arange(256, dtype="uint8"), (4, 1))
    image, mask = np.repeat(ramp[..., None], 3, axis=-1), ramp * 0
    augment = Augmentation((4, 256), (1, 1), False, **{**PLAIN, name: 0.5})
    results = [augment(image, mask, rng)[0] for _ in range(8)]
    for new_image in results:
        assert (np.diff(new_image[0, :, 0].astype(int)) >= 0).all()
        np.testing.assert_array_equal(new_image[..., 0], new_image[..., 2])
    assert len({int(r[0, 64, 0]) for r in results}) > 4


def test_saturation_leaves_gray_alone_and_moves_colors(rng):
    image, mask = _sample(rng)
    gray = image[..., [0, 0, 0]]
    only = {**PLAIN, "saturation": 0.9}
    augment = Augmentation((33, 47), (1, 1), False, **only)
    np.testing.assert_array_equal(augment(gray, mask, rng)[0], gray)
    assert (augment(image, mask, rng)[0] != image).any()


def test_the_generator_decides_everything(rng):
    image, mask = _sample(rng)
    augment = Augmentation((24, 40))
    first, again, other = (
        augment(image, mask, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert (first[0] != other[0]).any()


def test_read_only_input_is_untouched(rng):
    image, mask = _sample(rng)
    image.flags.writeable = mask.flags.writeable = False
    new_image, new_mask = Augmentation((33, 47), (1, 1))(image, mask, rng)
    assert new_image.flags.c_contiguous
    assert new_mask.flags.c_contiguous


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"crop_size": (0, 3)}, "`crop_size` must be .* 2 integers of 1"),
        ({"crop_size": (3,)}, "`crop_size` must be .* 2 integers"),
        ({"crop_size": (3.0, 4)}, "`crop_size` must be .* 2 integers"),
        ({"scale": (2.0, 1.0)}, "the smaller first"),
        ({"scale": (0.0, 1.0)}, "two positive numbers"),
        ({"scale": (1.0, float("inf"))}, "two positive numbers"),
        ({"flip": 1}, "`flip` must be True or False"),
        ({"brightness": -0.1}, "`brightness` must be a number from 0 to 1"),
        ({"contrast": 1.5}, "`contrast` must be a number from 0 to 1"),
        ({"saturation": "1"}, "`saturation` must be a number from 0 to 1"),
        ({"gamma": -0.1}, "`gamma` must be a finite number of 0 or more"),
        ({"fill": 256}, "gray value from 0 to 255"),
        ({"fill": -1}, "`fill` must be an integer of 0"),
        ({"ignore_class": -1}, "`ignore_class` must be an integer of 0"),
        ({"vertical_flip": None}, "`vertical_flip` must be True or False"),
        ({"quarter_turns": 3}, "`quarter_turns` must be True or False"),
        ({"rotation": 181}, "`rotation` must be a number from 0 to 180"),
        ({"rotation": float("nan")}, "`rotation` must be a number from 0"),
        ({"blur": -1}, "`blur` must be a finite number of 0 or more"),
        ({"holes": 1.5}, "`holes` must be an integer of 0 or more"),
        ({"hole_size": (0.5, 1.5)}, "`hole_size` .* positive numbers up to 1"),
        ({"class_balance": 2}, "`class_balance` must be a number from 0 to 1"),
        ({"cutmix": -0.5}, "`cutmix` must be a number from 0 to 1"),
        ({"ignore_classes": 254}, "`ignore_classes` must be a list or tuple"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        Augmentation(**arguments)


def test_bad_samples(rng):
    image, mask = _sample(rng)
    augment = Augmentation((8, 8))
    with pytest.raises(ValueError, match=r"uint8.*shape=\(33, 47\)"):
        augment(mask, mask, rng)
    with pytest.raises(ValueError, match="dtype=float32"):
        augment(image.astype("float32"), mask, rng)
    with pytest.raises(ValueError, match=r"mask \(33, 46\)"):
        augment(image, mask[:, 1:], rng)
    with pytest.raises(ValueError, match="can hold the ignored id 300"):
        Augmentation((8, 8), ignore_class=300)(image, mask, rng)
    with pytest.raises(ValueError, match="integers .*dtype=float32"):
        augment(image, mask.astype("float32"), rng)
