import numpy as np
import pytest
from PIL import Image

from kerasseg.data import Labels
from kerasseg.export.proof.images import Calibration

SHAPE = (1, 32, 48, 3)


class Folder(list):
    """A list with labels, as a dataset has them."""

    labels = Labels(("sky", "road"))


def random_images(rng, count, size=(32, 48)):
    return [rng.integers(1, 250, (*size, 3), "uint8") for _ in range(count)]


def test_batches_have_the_shape_of_the_input(rng):
    images = random_images(rng, 3)
    batches = list(Calibration(SHAPE, images).batches())
    assert [batch.shape for batch in batches] == [SHAPE] * 3
    assert all(batch.dtype == np.float32 for batch in batches)
    for batch, image in zip(batches, images, strict=True):
        np.testing.assert_array_equal(batch[0], image)


def test_a_few_batches_are_spread_evenly(rng):
    images = random_images(rng, 5)
    first, last = Calibration(SHAPE, images).batches(2)
    np.testing.assert_array_equal(first[0], images[0])
    np.testing.assert_array_equal(last[0], images[4])


def test_many_images_are_thinned_out_evenly(rng):
    images = random_images(rng, 2) * 50
    calibration = Calibration(SHAPE, images)
    assert len(list(calibration.batches())) == len(calibration) == 32
    assert len(calibration.proof()) == 24
    assert "calibration images of the user" in calibration.proof().description


def test_data_sets_and_files_may_have_any_size(rng, tmp_path):
    images = random_images(rng, 2, (40, 50))
    Image.fromarray(images[0]).save(tmp_path / "x.png")
    for items in (Folder(images), [tmp_path / "x.png"]):
        (batch, *_) = Calibration(SHAPE, items).batches()
        assert batch.shape == SHAPE


def test_masks_stay_with_the_proof(rng):
    masks = [rng.integers(0, 2, (32, 48)) for _ in range(2)]
    data = Folder(zip(random_images(rng, 2), masks, strict=True))
    calibration = Calibration(SHAPE, data)
    assert calibration.labels is data.labels
    np.testing.assert_array_equal(list(calibration.proof())[1][1], masks[1])


@pytest.mark.parametrize(
    ("items", "error", "message"),
    [
        ([], ValueError, "`calibration` must hold at least one image"),
        (7, TypeError, "`calibration` must be None, a dataset or"),
        (np.zeros((1, 36, 48, 3)), ValueError, r"arrays of.*32, 48.*36, 48"),
        (np.zeros((1, 32, 48, 1)), ValueError, r"shape .height, width, 3"),
        (np.full(SHAPE, 256.0), ValueError, "0..255.*from 256 to 256"),
        (np.full(SHAPE, -1.0), ValueError, "Image 0 .* values from -1"),
        (np.full(SHAPE, np.nan), ValueError, "pixels that are NaN"),
        (np.full(SHAPE, 0.5), ValueError, "largest value is 0.5"),
    ],
)
def test_images_that_cannot_calibrate(items, error, message):
    with pytest.raises(error, match=message):
        Calibration(SHAPE, items)
