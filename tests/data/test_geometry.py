import json

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from kerasseg.data import Augmentation
from kerasseg.data.geometry import Span
from kerasseg.data.geometry import nearest
from kerasseg.data.geometry import rotate
from kerasseg.data.geometry import window

AS_IT_IS = {
    "scale": (1.0, 1.0),
    "flip": False,
    "brightness": 0.0,
    "contrast": 0.0,
    "saturation": 0.0,
    "gamma": 0.0,
}


def _sample(rng, size=(33, 47)):
    image = rng.integers(0, 256, (*size, 3), dtype="uint8")
    return image, rng.integers(0, 9, size, dtype="uint8")


def _equal(sample, other):
    return all(np.array_equal(a, b) for a, b in zip(sample, other, strict=True))


@settings(max_examples=50, deadline=None)
@given(
    size=st.tuples(st.integers(1, 50), st.integers(1, 50)),
    seed=st.integers(0, 2**32),
)
def test_neutral_parameters_change_nothing(size, seed):
    rng = np.random.default_rng(seed)
    sample = _sample(rng, size)
    augment = Augmentation(
        size,
        **AS_IT_IS,
        rotation=0.0,
        blur=0.0,
        holes=0,
        class_balance=1.0,
        cutmix=0.0,
    )
    assert _equal(augment(*sample, rng), sample)
    assert _equal(augment.mix(*sample, None, rng), sample)


def _seed_where(augment, sample, wanted):
    """The first seed with which a sample becomes what is wanted."""
    for seed in range(64):
        if _equal(augment(*sample, np.random.default_rng(seed)), wanted):
            return seed
    return None


@pytest.mark.parametrize("flip", ["flip", "vertical_flip"])
def test_flipped_twice_is_as_it_was(rng, flip):
    sample = _sample(rng)
    augment = Augmentation((33, 47), **{**AS_IT_IS, flip: True})
    axis = 1 if flip == "flip" else 0
    mirrored = tuple(np.flip(part, axis) for part in sample)
    seed = _seed_where(augment, sample, mirrored)
    once = augment(*sample, np.random.default_rng(seed))
    twice = augment(*once, np.random.default_rng(seed))
    assert _equal(twice, sample)
    assert _seed_where(augment, sample, sample) is not None


@pytest.mark.parametrize("turns", range(4))
def test_quarter_turns_equal_rot90(rng, turns):
    sample = _sample(rng)
    size = (47, 33) if turns % 2 else (33, 47)
    augment = Augmentation(size, **AS_IT_IS, quarter_turns=True)
    wanted = tuple(np.rot90(part, turns) for part in sample)
    assert _seed_where(augment, sample, wanted) is not None


@pytest.mark.parametrize("size", [(20, 20), (21, 21), (14, 22), (23, 15)])
@pytest.mark.parametrize("turns", [1, 2, 3, -1])
def test_rotation_by_right_angles_equals_rot90(rng, size, turns):
    angle = 90.0 * turns
    need = window(size, angle)
    image, mask = _sample(rng, need)
    spans = [Span(n, 0.0, float(n), n, 0) for n in need]
    shown = size[::-1] if turns % 2 else size
    middle = tuple(
        slice((n - m) // 2, (n + m) // 2)
        for n, m in zip(need, shown, strict=True)
    )
    np.testing.assert_array_equal(
        rotate(image, size, angle, 9), np.rot90(image[middle], turns)
    )
    np.testing.assert_array_equal(
        nearest(mask, spans, size, 255, angle), np.rot90(mask[middle], turns)
    )


@settings(max_examples=60, deadline=None)
@given(
    angle=st.floats(-180, 180),
    crop=st.tuples(st.integers(1, 40), st.integers(1, 40)),
)
def test_a_window_holds_the_turned_crop(angle, crop):
    # All of it is seen: nothing of the corners is beyond the window.
    size = window(crop, angle)
    spans = [Span(n, 0.0, float(n), n, 0) for n in size]
    mask = np.zeros(size, "uint8")
    assert not nearest(mask, spans, crop, 255, angle).any()


def test_image_and_mask_turn_together(rng):
    # The image shows its own mask: 40 per id, on blocks of 24 pixels.
    blocks = rng.integers(0, 6, (8, 12), dtype="uint8")
    mask = np.kron(blocks, np.ones((24, 24), "uint8"))
    image = np.repeat(mask[..., None] * 40, 3, axis=-1)
    plain = {**AS_IT_IS, "scale": (0.5, 2.0), "flip": True}
    augment = Augmentation((96, 120), rotation=180, quarter_turns=True, **plain)
    for _ in range(30):
        new_image, new_mask = augment(image, mask, rng)
        away = new_mask != 255
        error = np.abs(new_image[..., 0] - 40.0 * new_mask)[away]
        # Only pixels beside an edge between blocks are mixed.
        assert np.median(error) == 0
        assert error.mean() < 10


def test_crops_by_class_show_rare_classes(rng):
    image, mask = _sample(rng, (120, 160))
    mask[:] = 0
    mask[3, 150] = 5
    mask[:60, :60] = 255
    share = {}
    for balance in (0.0, 1.0):
        augment = Augmentation(
            (24, 32), class_balance=balance, **{**AS_IT_IS, "scale": (0.8, 2)}
        )
        shown = [5 in augment(image, mask, rng)[1] for _ in range(200)]
        share[balance] = np.mean(shown)
    assert share[0.0] < 0.1
    # Every second one is placed about class 5, where it is not too small.
    assert 0.3 < share[1.0] < 0.65


def test_crops_by_class_of_turned_crops(rng):
    image, mask = _sample(rng, (120, 160))
    mask[:] = 255
    mask[50, 90] = 5
    # Turned by 45 degrees, samples one pixel apart may miss one.
    plain = {**AS_IT_IS, "scale": (1.5, 2.0)}
    augment = Augmentation((24, 32), class_balance=1.0, rotation=180, **plain)
    assert all(5 in augment(image, mask, rng)[1] for _ in range(100))


def test_a_mask_of_void_has_no_class_to_show(rng):
    image, mask = _sample(rng)
    mask[:] = 255
    augment = Augmentation((8, 9), class_balance=1.0)
    assert (augment(image, mask, rng)[1] == 255).all()


def test_blur_of_every_second_image(rng):
    image, mask = _sample(rng)
    augment = Augmentation((33, 47), blur=3.0, **AS_IT_IS)
    rough = [
        np.abs(np.diff(augment(image, mask, rng)[0].astype(int), axis=1)).mean()
        for _ in range(100)
    ]
    sharp = np.isclose(rough, max(rough))
    assert 30 < sharp.sum() < 70
    assert min(rough) < 0.3 * max(rough)
    np.testing.assert_array_equal(augment(image, mask, rng)[1], mask)


def test_augmentations_are_kept_as_json():
    augment = Augmentation(
        (np.int64(64), 96), rotation=np.float32(10), holes=3, cutmix=0.5
    )
    augment = augment.ignoring((255, 254))
    assert augment.ignore_classes == (254,)
    kept = json.loads(json.dumps(keras.saving.serialize_keras_object(augment)))
    assert kept["registered_name"] == "kerasseg>Augmentation"
    again = keras.saving.deserialize_keras_object(kept)
    assert again == augment
    assert again.crop_size == (64, 96)
