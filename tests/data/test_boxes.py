import numpy as np
import pytest

from kerasseg.data import Augmentation
from kerasseg.data.boxes import cut_mix
from kerasseg.data.boxes import drop


def _sample(rng, low, size=(33, 47)):
    image = rng.integers(low, low + 100, (*size, 3), dtype="uint8")
    return image, rng.integers(low, low + 9, size, dtype="uint8")


def test_holes_are_gray_and_void(rng):
    image, mask = _sample(rng, 0)
    image.flags.writeable = mask.flags.writeable = False
    counts = set()
    for _ in range(60):
        new_image, new_mask = drop(image, mask, 1, (0.1, 0.4), 127, 255, rng)
        hole = new_mask == 255
        assert (new_image[hole] == 127).all()
        np.testing.assert_array_equal(new_image[~hole], image[~hole])
        np.testing.assert_array_equal(new_mask[~hole], mask[~hole])
        rows, columns = np.nonzero(hole)
        sides = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert hole.sum() == sides[0] * sides[1]
        assert 3 <= sides[0] <= 13
        assert 5 <= sides[1] <= 19
        counts.add(hole.sum())
    assert len(counts) > 20


def test_holes_are_drawn_up_to_their_number(rng):
    image, mask = _sample(rng, 0)
    augment = Augmentation(
        (33, 47), (1, 1), False, 0, 0, 0, 0, holes=2, hole_size=(0.1, 0.1)
    )
    sizes = {
        int((augment(image, mask, rng)[1] == 255).sum()) for _ in range(80)
    }
    # None, one, or two that may overlap.
    assert {0, 3 * 5, 2 * 3 * 5} <= sizes
    assert max(sizes) == 2 * 3 * 5


def test_cut_mix_takes_pixels_and_ids_of_one_or_the_other(rng):
    sample, other = _sample(rng, 0), _sample(rng, 120)
    shares = []
    for _ in range(200):
        image, mask = cut_mix(*sample, *other, rng)
        taken = mask >= 120
        np.testing.assert_array_equal(
            mask, np.where(taken, other[1], sample[1])
        )
        np.testing.assert_array_equal(
            image, np.where(taken[..., None], other[0], sample[0])
        )
        rows, columns = np.nonzero(taken)
        if len(rows):
            box = (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
            assert taken.sum() == box
        shares.append(taken.mean())
    # Even between none and all but for what lies beyond the edges.
    assert min(shares) < 0.05
    assert max(shares) > 0.7
    assert np.mean(shares) == pytest.approx(0.33, abs=0.08)


def test_a_part_of_the_samples_is_mixed(rng):
    sample, other = _sample(rng, 0), _sample(rng, 120)
    augment = Augmentation((33, 47), cutmix=0.25)
    calls = []

    def partner():
        calls.append(1)
        return other

    for _ in range(400):
        augment.mix(*sample, partner, rng)
    assert 70 < len(calls) < 130


def test_large_ids_are_mixed_as_they_are(rng):
    image, mask = _sample(rng, 0)
    other = np.full(mask.shape, 280, "int32")
    for first, second in ((mask, other), (other, mask)):
        mixed = [cut_mix(image, first, image, second, rng)[1] for _ in range(9)]
        ids = set(np.unique(mixed).tolist())
        assert ids == {*np.unique(mask).tolist(), 280}
