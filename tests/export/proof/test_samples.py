import numpy as np
import pytest
from PIL import Image

from kerasseg.export.proof.images import Calibration
from kerasseg.export.proof.images import Samples
from kerasseg.export.proof.images import random_images

SHAPE = (1, 32, 48, 3)


def test_random_images_are_the_same_every_time():
    first, second = (random_images(SHAPE[1:], 4) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    for image in first:
        assert image.shape == SHAPE[1:]
        assert image.dtype == np.float32
        assert image.min() >= 0
        assert image.max() <= 255
        assert image.std() > 20


def test_images_pairs_and_paths(tmp_path, rng):
    image = rng.integers(0, 256, (20, 30, 3), "uint8")
    Image.fromarray(image).save(tmp_path / "x.png")
    mask = rng.integers(0, 3, (20, 30, 1))
    samples = list(Samples(SHAPE, [image, (image, mask), tmp_path / "x.png"]))
    assert [s[0].shape for s in samples] == [(32, 48, 3)] * 3
    np.testing.assert_array_equal(samples[0][0], samples[2][0])
    assert samples[0][1] is None
    assert samples[1][1].shape == (20, 30)


def test_an_array_of_images_keeps_its_values(rng):
    images = rng.uniform(0, 255, (2, 32, 48, 3)).astype("float32")
    for image, (found, _) in zip(images, Samples(SHAPE, images), strict=True):
        np.testing.assert_array_equal(image, found)


def test_an_image_of_another_form_is_named():
    images = [np.zeros((32, 48, 3)), np.zeros((32, 48))]
    with pytest.raises(ValueError, match=r"image 1 of shape \(32, 48\)"):
        list(Samples(SHAPE, images))


def test_pixels_of_another_range_are_named(rng):
    good = rng.uniform(0, 255, (32, 48, 3))
    with pytest.raises(ValueError, match=r"Image 1 of `data` .*divided by"):
        list(Samples(SHAPE, [good, good / 255], "data"))


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (
            np.zeros((20, 30), "uint8"),
            r"size of .*\(36, 50\).*image 1 .*20, 30",
        ),
        (np.full((36, 50), 0.5), "Mask 1 of `verify_on` .*not whole numbers"),
    ],
)
def test_masks_that_are_not_of_the_image_are_named(rng, mask, message):
    image = rng.integers(0, 256, (36, 50, 3), "uint8")
    items = [(image, np.ones((36, 50))), (image, mask)]
    with pytest.raises(ValueError, match=message):
        list(Samples(SHAPE, items))


def test_images_of_another_size_are_told(rng):
    images = [np.full((*size, 3), 9) for size in [(32, 48), (40, 50), (20, 30)]]
    samples = Samples(SHAPE, images, "data")
    assert samples.notes() == ()
    for _ in range(2):
        list(samples)
    assert samples.notes() == (
        "`data`: 2 of 3 images were resized to 32x48, the size of the input; "
        "one of them was 40x50.",
    )
    assert samples.spread(3).notes() == ()


def test_calibration_images_of_another_size_are_told_once(tmp_path, rng):
    paths = [tmp_path / f"{index}.png" for index in range(3)]
    for path in paths:
        image = rng.integers(0, 256, (40, 50, 3), "uint8")
        Image.fromarray(image).save(path)
    calibration = Calibration(SHAPE, paths)
    proof = calibration.proof()
    assert len(list(proof)) == 3
    assert [*calibration.notes(), *proof.notes()] == [
        "`calibration`: 3 of 3 images were resized to 32x48, the size of the "
        "input; one of them was 40x50."
    ]


def test_some_of_the_images_evenly_spread(rng):
    images = np.stack([np.full(SHAPE[1:], i) for i in range(10)])
    chosen = Samples(SHAPE, images).spread(4)
    assert [int(image[0, 0, 0]) for image, _ in chosen] == [0, 3, 6, 9]
    assert len(chosen.spread(2)) == 2
    assert len(Samples(SHAPE, images).spread(99)) == 10


def test_a_tf_dataset_is_a_sequence_of_samples(rng):
    tf = pytest.importorskip("tensorflow")
    images = rng.integers(0, 256, (5, 32, 48, 3), "uint8")
    masks = rng.integers(0, 3, (5, 32, 48), "uint8")
    pairs = tf.data.Dataset.from_tensor_slices((images, masks)).batch(2)
    samples = Samples(SHAPE, pairs)
    assert len(samples) == 5
    for (image, mask), *expected in zip(samples, images, masks, strict=True):
        np.testing.assert_array_equal(image, expected[0])
        np.testing.assert_array_equal(mask, expected[1])
    alone = tf.data.Dataset.from_tensor_slices(images)
    assert [s[1] for s in Samples(SHAPE, alone)] == [None] * 5
    assert len(Calibration(SHAPE, alone)) == 5
