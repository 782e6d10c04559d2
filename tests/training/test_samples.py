import numpy as np
import pytest

from kerasseg.data import Labels
from kerasseg.training.samples import CheckedSamples
from kerasseg.training.samples import look_at


class Lazy:
    """Samples that are not in a list, and how often each was read."""

    labels = Labels(("a", "b", "c"))

    def __init__(self, samples):
        self.samples = samples
        self.read = []

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        self.read.append(index)
        return self.samples[index]


def test_hands_out_what_it_was_given(draw):
    samples = draw(3)
    checked = CheckedSamples(samples, 3, (255,))
    assert len(checked) == 3
    for index, (image, mask) in enumerate(samples):
        assert checked[index][0] is image
        assert checked[index][1] is mask
    with pytest.raises(IndexError, match="range"):
        checked[3]


def test_leaves_out_the_last_ones(draw):
    samples = draw(7)
    checked = CheckedSamples(samples, 3, (255,), multiple_of=3)
    assert (len(checked), checked.left_out) == (6, 1)
    assert len(CheckedSamples(samples, 3, (255,))) == 7


def test_keeps_the_labels_and_reads_when_asked(draw):
    lazy = Lazy(draw(2) + draw(2, size=(9, 7)))
    checked = CheckedSamples(lazy, 3, (255,))
    assert checked.labels is lazy.labels
    assert lazy.read == []
    assert checked.sizes() == {(20, 26), (9, 7)}
    assert lazy.read == [0, 1, 2, 3]


@pytest.mark.parametrize("dtype", ["uint8", "int64"])
def test_unknown_ids_are_named(draw, dtype):
    samples = [(image, mask.astype(dtype)) for image, mask in draw(4)]
    samples[2][1][5, 5:7] = 7, 200
    message = (
        r"mask of sample 2 .* unknown class ids: 7, 200\. Known are 0 to 2 "
        r"and, ignored, \[255\]"
    )
    with pytest.raises(ValueError, match=message):
        CheckedSamples(samples, 3, (255,))
    checked = CheckedSamples(Lazy(samples), 3, (255,))
    checked[1]
    with pytest.raises(ValueError, match=message):
        checked[2]
    assert len(CheckedSamples(samples, 8, (200, 255))) == 4


def test_wrong_dtypes_and_shapes(draw):
    image, mask = draw(1)[0]
    for sample in ((image / 255.0, mask), (image, mask.astype("float32"))):
        with pytest.raises(TypeError, match="image of uint8, 0 to 255, and"):
            CheckedSamples([sample], 3, (255,))
    for sample in (
        (image[:-1], mask),
        (image[..., 0], mask),
        (image, mask[..., np.newaxis]),
        (image[..., :2], mask),
    ):
        with pytest.raises(ValueError, match=r"Sample 0 must.*image.shape="):
            CheckedSamples([sample], 3, (255,))


def test_masks_of_0_and_255_are_refused_first(draw):
    samples = [
        (image, np.where(mask == 1, 0, 255).astype("uint8"))
        for image, mask in draw(3)
    ]
    with pytest.raises(ValueError, match="one_class_and_void.* In 'train'"):
        look_at("train", Lazy(samples), 3, (255,))
    look_at("train", Lazy(draw(3)), 3, (255,))


def test_warnings_are_logged(draw, caplog):
    samples = [(np.zeros_like(image), mask) for image, mask in draw(2)]
    look_at("train", samples, 3, (255,))
    assert "constant_image" in caplog.text


def test_what_a_sequence_raises_is_left_to_it():
    class Broken(Lazy):
        def __getitem__(self, index):
            raise OSError("gone")

    look_at("train", Broken([0]), 3, (255,))
