"""Training on gray and multi-band images."""

import keras
import numpy as np
import pytest
from PIL import Image

from kerasseg.data import Augmentation
from kerasseg.data import Labels
from kerasseg.data import SegmentationFolder
from kerasseg.training import evaluate
from kerasseg.training import fit

LABELS = Labels(("dark", "bright", "void-like"))
SIZE = (20, 26)


def model_of(channels):
    def build():
        return keras.Sequential(
            [
                keras.Input((None, None, channels)),
                keras.layers.Rescaling(1 / 255),
                keras.layers.Conv2D(8, 3, padding="same", activation="relu"),
                keras.layers.Conv2D(3, 1, dtype="float32"),
            ]
        )

    return build


def samples_of(channels, count=8, seed=1):
    """Images whose last channel says the class."""
    rng = np.random.default_rng(seed)
    samples = []
    for _ in range(count):
        blocks = rng.integers(0, 3, [n // 4 + 1 for n in SIZE])
        mask = np.kron(blocks, np.ones((4, 4)))[: SIZE[0], : SIZE[1]]
        mask = mask.astype("uint8")
        image = rng.integers(0, 99, (*SIZE, channels), dtype="uint8")
        image[..., -1] = mask * 110 + image[..., -1] // 5
        samples.append((image, mask))
    return samples


@pytest.mark.by_day(1)
@pytest.mark.every_backend
@pytest.mark.parametrize("channels", [1, 5])
def test_a_recipe(make_recipe, tmp_path, read_log, channels):
    held_out = samples_of(channels, 3, seed=2)
    recipe = make_recipe(
        samples_of(channels),
        model=model_of(channels),
        epochs=3,
        augmentation=Augmentation(crop_size=(16, 24), fill=0),
        validation=lambda: held_out,
        labels=LABELS,
    )
    model = fit(recipe, tmp_path, verbose=0)
    assert model.input_shape == (None, None, None, channels)
    rows = read_log(tmp_path)
    assert rows[-1]["loss"] < rows[0]["loss"]


def test_scores_and_a_report(make_recipe, tmp_path, monkeypatch):
    held_out = [
        (np.tile(i, (2, 2, 1)), np.tile(m, (2, 2)))
        for i, m in samples_of(5, 3, seed=2)
    ]
    recipe = make_recipe(
        samples_of(5),
        model=model_of(5),
        validation=lambda: held_out,
        labels=LABELS,
    )
    model = fit(recipe, tmp_path, verbose=0)
    assert (tmp_path / "report.html").read_text().count("<figure") == 3
    result = evaluate(model, held_out, LABELS)
    assert result["images"] == 3
    with pytest.raises(ValueError, match=r"\(height, width, 5\).*, 3\)"):
        evaluate(model, [(held_out[0][0][..., :3], held_out[0][1])], LABELS)


@pytest.mark.parametrize(("takes", "given"), [(1, 3), (3, 1), (3, 5), (5, 3)])
def test_images_of_other_channels(make_recipe, tmp_path, takes, given):
    recipe = make_recipe(samples_of(given), model=model_of(takes))
    match = rf"image \(height, width, {takes}\) .*Received: .*{given}\)"
    with pytest.raises(ValueError, match=match):
        fit(recipe, tmp_path, verbose=0)


def test_a_folder_that_is_read_as_other_images(make_recipe, tmp_path):
    for index, (image, mask) in enumerate(samples_of(5)):
        for kind in ("images", "masks"):
            (tmp_path / kind / "train").mkdir(parents=True, exist_ok=True)
        np.save(tmp_path / f"images/train/{index}.npy", image)
        Image.fromarray(mask).save(tmp_path / f"masks/train/{index}.png")
    recipe = make_recipe(
        SegmentationFolder(tmp_path, "train", LABELS), model=model_of(5)
    )
    match = "train data must have the 5 channels .*`channels=5`.* of 3"
    with pytest.raises(ValueError, match=match):
        fit(recipe, tmp_path / "run", verbose=0)
    five = SegmentationFolder(tmp_path, "train", LABELS, channels=5)
    recipe = make_recipe(five, model=model_of(5), epochs=1)
    assert fit(recipe, tmp_path / "run", verbose=0).input_shape[-1] == 5


def test_gray_images_of_tf_data(make_recipe, tmp_path):
    tf = pytest.importorskip("tensorflow")
    images, masks = map(np.stack, zip(*samples_of(1), strict=True))
    dataset = tf.data.Dataset.from_tensor_slices((images, masks))
    for channels in (1, 3):
        recipe = make_recipe(dataset, model=model_of(channels), epochs=1)
        model = fit(recipe, tmp_path / str(channels), verbose=0)
        assert model.input_shape[-1] == channels
