import keras
import numpy as np
import pytest

from kerasseg.inference import predict_mask
from kerasseg.inference import predict_tiled
from kerasseg.inference import reach
from kerasseg.inference import tile_plan
from kerasseg.inference.memory import _FIXED
from kerasseg.inference.tile_plan import plan_tiles
from kerasseg.layers import BilinearUpSampling2D
from kerasseg.layers import CropToMatch
from kerasseg.layers import PadToMultiple


def strided(height=None, width=None, classes=5):
    """Padded convolutions at stride 8, so that positions matter."""
    images = keras.Input((height, width, 3))
    x = PadToMultiple(8)(images)
    for filters in (6, 8, 8):
        x = keras.layers.Conv2D(
            filters, 3, 2, padding="same", activation="relu"
        )(x)
    x = keras.layers.Conv2D(classes, 3, padding="same")(x)
    x = BilinearUpSampling2D(8, border="edge")(x)
    return keras.Model(images, CropToMatch()([x, images]))


@pytest.fixture
def model():
    return strided()


@pytest.fixture
def image(rng):
    return rng.integers(0, 256, (203, 331, 3), dtype="uint8")


class Rows:
    """Counts the rows that are read, and keeps those that are written."""

    def __init__(self, pixels):
        self.shape, self.pixels = pixels.shape, pixels
        self.read_rows, self.most, self.blocks = 0, 0, []

    def read(self, top, bottom):
        self.read_rows += bottom - top
        self.most = max(self.most, bottom - top)
        return self.pixels[top:bottom]

    def write(self, rows):
        self.blocks.append(rows)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_the_mask_is_that_of_the_whole_image(model, image, batch_size):
    overlap = 3 * reach(model)
    assert 16 <= overlap <= 96
    mask = predict_tiled(
        model, image, None, (192, 192), overlap, batch_size=batch_size
    )
    assert mask.dtype == "int32"
    same = mask == predict_mask(model, image)
    # Float32 sums in another order decide ties.
    assert same.mean() > 0.999


def test_the_stride_of_a_model_in_a_model_is_heeded(image):
    pixels = keras.Input((None, None, 3))
    x = PadToMultiple(64, value=7.0)(pixels)
    x = keras.layers.Conv2D(8, 3, 64, padding="same")(x)
    x = BilinearUpSampling2D(64, border="edge")(x)
    inner = keras.Model(pixels, CropToMatch()([x, pixels]))
    model = keras.Model(pixels, inner(pixels))
    assert tile_plan.grid(model) == (64, 7.0)
    plan = plan_tiles(model, image.shape, (200, 200), 0)
    assert plan.tile_shape == (256, 256)
    mask = predict_tiled(model, image, None, (200, 200), overlap=128)
    assert (mask == predict_mask(model, image)).mean() > 0.999


def test_less_overlap_changes_pixels_near_the_seams_alone(model, image):
    tiles = (128, 128)
    mask = predict_tiled(model, image, None, tiles, overlap=16)
    same = mask == predict_mask(model, image)
    assert not same.all()
    far = np.ones_like(same)
    plan = plan_tiles(model, image.shape, tiles, 16)
    distance = reach(model)
    for axis, cuts in enumerate((plan.rows, plan.columns)):
        for tile in cuts:
            edges = [tile.start, tile.start + plan.tile_shape[axis]]
            for edge in edges:
                if 0 < edge < image.shape[axis]:
                    near = slice(max(0, edge - distance), edge + distance)
                    far[(slice(None),) * axis + (near,)] = False
    assert 0.1 < far.mean() < 0.9
    assert same[far].mean() > 0.999


def test_rows_stream_from_the_top_down(model, image):
    rows = Rows(image)
    assert predict_tiled(model, rows, rows, (64, 96), 16) is None
    assert rows.read_rows == len(image)
    assert rows.most <= 64
    assert all(block.dtype == "uint8" for block in rows.blocks)
    mask = predict_tiled(model, image, None, (64, 96), 16)
    np.testing.assert_array_equal(np.concatenate(rows.blocks), mask)


def test_one_shape_reaches_the_model(model, image, monkeypatch):
    shapes = set()
    predict = model.predict_on_batch

    def spy(pixels):
        shapes.add(pixels.shape)
        return predict(pixels)

    monkeypatch.setattr(model, "predict_on_batch", spy)
    for part in (image, image[:150], image[:, :200]):
        predict_tiled(model, part, None, (64, 96), 16, batch_size=4)
    assert shapes == {(4, 64, 96, 3)}


def test_an_image_smaller_than_a_tile_is_seen_whole(model, image):
    part = image[:61, :75]
    np.testing.assert_array_equal(
        predict_tiled(model, part), predict_mask(model, part)
    )


@pytest.mark.parametrize("shape", [(40, 70), (203, 331)])
def test_a_fixed_input_size_is_the_tile(image, shape):
    """Any image becomes tiles of it, and is not resized."""
    pixels = keras.Input((50, 70, 3))
    model = keras.Model(pixels, keras.layers.Rescaling(1 / 8)(pixels))
    part = image[: shape[0], : shape[1]]
    mask = predict_tiled(model, part)
    np.testing.assert_array_equal(mask, part.argmax(-1))


def test_logits_at_another_size_are_resized(image):
    pixels = keras.Input((None, None, 3))
    model = keras.Model(pixels, keras.layers.AveragePooling2D(4)(pixels))
    part = np.repeat(np.repeat(image, 4, 0), 4, 1)[:200, :300]
    mask = predict_tiled(model, part, None, (128, 128), 32)
    assert (mask == predict_mask(model, part)).mean() > 0.999


def test_more_classes_than_a_byte_holds(image):
    rows = Rows(image)
    predict_tiled(strided(classes=300), rows, rows, (96, 96), 16)
    assert {block.dtype for block in rows.blocks} == {np.dtype("uint16")}


def test_progress_counts_tiles(model, image):
    told = []
    predict_tiled(
        model,
        image,
        tile_shape=(128, 128),
        overlap=16,
        progress=lambda *numbers: told.append(numbers),
    )
    assert told == [(i, 6) for i in range(1, 7)]


def test_tiles_smaller_than_the_receptive_field_warn(model, image):
    field = 2 * reach(model)
    with pytest.warns(UserWarning, match=f"receptive field .* about {field} "):
        predict_tiled(model, image, tile_shape=(32, 32), overlap=8)


def test_a_smaller_budget_takes_smaller_tiles(model):
    shape, sides = (20_000, 20_000, 3), []
    for more in (2**31, 2**27, 2**26):
        plan = plan_tiles(model, shape, memory=_FIXED + more)
        assert plan.bytes <= _FIXED + more
        sides.append(plan.tile_shape[0])
    assert 960 < sides[0] <= 1024
    assert sides[0] > sides[1] > sides[2]


@pytest.mark.parametrize("length", [1100, 2100, 5000, 20_000])
def test_chosen_tiles_are_seldom_mostly_overlap(model, length):
    plan = plan_tiles(model, (length, 900, 3), memory=2**31)
    seen = len(plan.rows) * plan.tile_shape[0]
    assert 1 < seen / length < 1.2
    assert plan.tile_shape[0] <= 1024
    assert len(plan.columns) == 1
    plan_tiles(model, (length, 900, 3), overlap=512, memory=2**31)


@pytest.mark.parametrize("tile_shape", [None, (512, 512)])
def test_a_budget_below_one_tile_is_refused(model, image, tile_shape):
    with pytest.raises(ValueError, match=r"must be at least (\d+) bytes") as e:
        predict_tiled(model, image, tile_shape=tile_shape, memory=2**20)
    least = int(str(e.value).split("at least ")[1].split()[0])
    predict_tiled(model, image, tile_shape=tile_shape, memory=least)


def test_too_little_free_memory_is_refused(model, image, monkeypatch):
    monkeypatch.setattr(tile_plan, "free_bytes", lambda: 20_000)
    message = r"\(\d+ MiB\).* no `memory`, for which 10000 bytes are taken"
    with pytest.raises(ValueError, match=message):
        predict_tiled(model, image)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tile_shape": (64, 96), "overlap": 49}, "at most half a tile, 32"),
        ({"tile_shape": (31, 96)}, "`tile_shape` must be a list or tuple"),
        ({"overlap": -1}, "`overlap` must be an integer of 0"),
        ({"batch_size": 0}, "`batch_size` must be an integer of 1"),
        ({"memory": 0.5}, "`memory` must be an integer of 1"),
    ],
)
def test_wrong_arguments_are_named(model, image, arguments, message):
    with pytest.raises(ValueError, match=message):
        predict_tiled(model, image, **arguments)


def test_another_tile_than_the_input_size_is_refused(image):
    with pytest.raises(ValueError, match=r"must be \(64, 96\), the input size"):
        predict_tiled(strided(64, 96), image, tile_shape=(96, 96))


@pytest.mark.parametrize("shape", [(40, 31, 3), (40, 64, 5), (40, 64)])
def test_sources_that_are_no_image_are_refused(model, shape):
    with pytest.raises(ValueError, match=r"`image` must have the 3 channels"):
        predict_tiled(model, Rows(np.zeros(shape, "uint8")))
