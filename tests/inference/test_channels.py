"""Masks of gray and multi-band images."""

import keras
import numpy as np
import pytest
from PIL import Image

from kerasseg.data import ImageReadError
from kerasseg.data import Labels
from kerasseg.inference import open_raster
from kerasseg.inference import overlay
from kerasseg.inference import predict_logits
from kerasseg.inference import predict_mask
from kerasseg.inference import predict_mask_multi_scale
from kerasseg.inference import predict_tiled
from kerasseg.inference import predict_video
from kerasseg.inference.ends import input_shape
from kerasseg.inference.ends import output_shape
from kerasseg.inference.memory import estimated_bytes
from kerasseg.inference.rasters import RasterError
from kerasseg.inference.whole_image import logits_of_pixels

SIZE = (45, 70)


def model_of(channels):
    """The class of a pixel is its brightest channel, or whether it is dark."""
    images = keras.Input((None, None, channels))
    layer = keras.layers.Conv2D(max(channels, 2), 1)
    model = keras.Model(images, layer(images))
    if channels == 1:
        weights = [np.array([[[[1.0, -1.0]]]]), np.array([-100.0, 100.0])]
    else:
        kernel = np.eye(channels).reshape(1, 1, channels, channels)
        weights = [kernel, np.zeros(channels)]
    layer.set_weights(weights)
    return model


def expected_of(image):
    if image.shape[2] == 1:
        return (image[..., 0] < 100).astype(int)
    return image.argmax(-1)


@pytest.fixture
def draw(rng):
    # Never 100, which is neither dark nor bright.
    return lambda channels: (
        2 * rng.integers(0, 50, (*SIZE, channels), dtype="uint8")
        + rng.choice([1, 101], (*SIZE, channels)).astype("uint8")
    )


@pytest.mark.every_backend
@pytest.mark.parametrize("channels", [1, 5])
def test_arrays_and_files(tmp_path, draw, channels):
    model, image = model_of(channels), draw(channels)
    np.save(tmp_path / "a.npy", image)
    for given in (image, image / 1.0, tmp_path / "a.npy"):
        mask = predict_mask(model, given)
        np.testing.assert_array_equal(mask, expected_of(image))
    assert predict_logits(model, image).shape == (*SIZE, max(channels, 2))


@pytest.mark.parametrize("channels", [1, 5])
def test_tiles_and_scales(draw, channels):
    model, image = model_of(channels), draw(channels)
    mask = predict_tiled(model, image, tile_shape=(32, 32))
    np.testing.assert_array_equal(mask, expected_of(image))
    mask = predict_mask_multi_scale(model, image, scales=(1.0,), flip=True)
    np.testing.assert_array_equal(mask, expected_of(image))


@pytest.mark.parametrize(
    "predict", [predict_mask, predict_tiled, predict_mask_multi_scale]
)
@pytest.mark.parametrize(
    ("takes", "given", "message"),
    [
        (1, 3, r"gray array `\(height, width, 1\)`.*\(45, 70, 3\)"),
        (3, 1, r"RGB array `\(height, width, 3\)`.*\(45, 70, 1\)"),
        (3, 5, r"RGB array `\(height, width, 3\)`.*\(45, 70, 5\)"),
        (5, 3, r"array `\(height, width, 5\)`.*\(45, 70, 3\)"),
    ],
)
def test_images_of_other_channels(draw, predict, takes, given, message):
    with pytest.raises(ValueError, match=message):
        predict(model_of(takes), draw(given))
    gray = draw(3)[..., 0]
    with pytest.raises(ValueError, match=r"array .*Received: .*\(45, 70\)"):
        predict(model_of(takes), gray)


def test_files_of_other_channels(tmp_path, draw):
    Image.fromarray(draw(3)).save(tmp_path / "rgb.png")
    gray = draw(1)
    Image.fromarray(gray[..., 0]).save(tmp_path / "gray.png")
    with pytest.raises(ImageReadError, match=r"rgb.png: it holds colors"):
        predict_mask(model_of(1), tmp_path / "rgb.png")
    # Nothing is lost: a gray pixel is one whose channels are the same.
    logits = predict_logits(model_of(3), tmp_path / "gray.png")
    np.testing.assert_array_equal(logits, np.repeat(gray, 3, axis=2))


def test_a_model_of_too_many_channels(draw):
    images = keras.Input((None, None, 17))
    model = keras.Model(images, keras.layers.Conv2D(2, 1)(images))
    with pytest.raises(ValueError, match="from 1 to 16. Received: .*=17"):
        predict_mask(model, np.zeros((*SIZE, 17), "uint8"))


def test_memory_grows_with_the_channels():
    few, many = (estimated_bytes(model_of(c), (64, 64)) for c in (2, 16))
    assert many - few > 64 * 64 * 4 * 2 * 14


LABELS = Labels(("sky", "road"), ((0, 0, 200), (200, 0, 0)))


def test_the_overlay_says_which_bands_it_shows(draw):
    image, mask = draw(5), np.full(SIZE, 255)
    plain = overlay(image, mask, LABELS, legend=False)
    np.testing.assert_array_equal(np.asarray(plain), image[..., :3])
    told = overlay(image, mask, LABELS)
    assert told.height > SIZE[0]
    chosen = overlay(image, mask, LABELS, legend=False, bands=(5, 1, 2))
    np.testing.assert_array_equal(np.asarray(chosen), image[..., [4, 0, 1]])
    strips = {
        overlay(image, mask, LABELS, bands=bands)
        .crop((0, SIZE[0], told.width, told.height))
        .tobytes()
        for bands in (None, (3, 2, 1), (5,))
    }
    assert len(strips) == 3
    gray = draw(1)
    found = np.asarray(overlay(gray, mask, LABELS))
    np.testing.assert_array_equal(found, np.repeat(gray, 3, axis=2))
    with pytest.raises(ValueError, match="`bands` must be .* 5 bands"):
        overlay(image, mask, LABELS, bands=(1, 2, 6))


def test_rasters(tmp_path, draw):
    rasterio = pytest.importorskip("rasterio")
    image = draw(5)
    options = {"driver": "GTiff", "dtype": "uint8", "count": 5}
    with rasterio.open(
        tmp_path / "a.tif",
        "w",
        height=SIZE[0],
        width=SIZE[1],
        transform=rasterio.Affine.translation(3, 4),
        **options,
    ) as file:
        file.write(image.transpose(2, 0, 1))
    with open_raster(tmp_path / "a.tif", channels=5) as raster:
        assert raster.shape == (*SIZE, 5)
        assert raster.reduced(40).shape == (26, 40, 5)
        mask = predict_tiled(model_of(5), raster, tile_shape=(32, 32))
        np.testing.assert_array_equal(mask, expected_of(image))
        with pytest.raises(ValueError, match="the 3 channels that the model"):
            predict_tiled(model_of(3), raster)
    with open_raster(tmp_path / "a.tif", (4,), channels=1) as raster:
        rows = raster.read(7, 20)
        np.testing.assert_array_equal(rows, image[7:20, :, 3:4])
    for channels in (1, 3, 4):
        match = f"it has 5 bands, .* Name .*{channels} of them"
        match = match if channels != 3 else "Name three of them"
        with (
            pytest.raises(RasterError, match=match),
            open_raster(tmp_path / "a.tif", channels=channels),
        ):
            pass


class Net(keras.Model):
    """A model that says nothing of its input."""

    def __init__(self):
        super().__init__()
        self.logits = keras.layers.Conv2D(5, 1)

    def call(self, images):
        return self.logits(images)


@pytest.mark.every_backend
def test_a_subclassed_model_that_was_called(draw):
    model, image = Net(), draw(5)
    assert input_shape(model) == (None, None, None, None)
    logits = model(image[np.newaxis].astype("float32"))
    assert input_shape(model) == (None, None, None, 5)
    assert output_shape(model) == (None, None, None, 5)
    expected = keras.ops.convert_to_numpy(logits)[0].argmax(-1)
    np.testing.assert_array_equal(predict_mask(model, image), expected)
    with pytest.raises(ValueError, match=r"array `\(height, width, 5\)`"):
        predict_mask(model, draw(3))
    with pytest.raises(ValueError, match=r"of 3 channels. .*None, None, 5\)"):
        logits_of_pixels(model, draw(3).astype("float32"))
    labels = Labels(tuple("abcde"))
    with pytest.raises(ValueError, match=r"must take RGB or .*None, None, 5\)"):
        predict_video(model, "none.mp4", "out.mp4", labels)
