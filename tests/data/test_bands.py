"""Gray and multi-band images: files, folders, changes and batches."""

import warnings

import keras
import numpy as np
import pytest
from PIL import Image

from kerasseg import data
from kerasseg.data import Augmentation
from kerasseg.data import ImageReadError
from kerasseg.data import SegmentationFolder
from kerasseg.data import batches
from kerasseg.data import read_image
from kerasseg.data import read_mask
from kerasseg.data.bands import shown_bands
from kerasseg.data.bands import stored_otherwise

SIZE = (33, 47)


@pytest.fixture
def draw(rng):
    return lambda channels, dtype="uint8": rng.integers(
        0, np.iinfo(dtype).max + 1, (*SIZE, channels), dtype=dtype
    )


def save_tiff(path, bands, **options):
    rasterio = pytest.importorskip("rasterio")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(
            path,
            "w",
            driver="GTiff",
            count=bands.shape[2],
            height=bands.shape[0],
            width=bands.shape[1],
            dtype=bands.dtype,
            **options,
        ) as file:
            file.write(bands.transpose(2, 0, 1))
    return path


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 16])
@pytest.mark.parametrize("suffix", [".npy", ".tif"])
def test_files_of_many_bands(tmp_path, draw, channels, dtype, suffix):
    bands = draw(channels, dtype)
    path = tmp_path / f"image{suffix}"
    if suffix == ".npy":
        np.save(path, bands)
    else:
        save_tiff(path, bands)
    expected = bands if dtype == "uint8" else (bands >> 8).astype("uint8")
    found = read_image(path, channels)
    assert found.dtype == "uint8"
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", [">u2", "<u2"])
def test_arrays_in_either_order_of_bytes(tmp_path, draw, dtype):
    bands = draw(5, "uint16")
    np.save(tmp_path / "a.npy", bands.astype(dtype))
    found = read_image(tmp_path / "a.npy", 5)
    assert found.dtype == "uint8"
    np.testing.assert_array_equal(found, bands // 256)


@pytest.mark.parametrize("photometric", ["RGB", "MINISBLACK"])
@pytest.mark.parametrize("channels", [4, 5])
def test_no_band_is_dropped_without_a_word(
    tmp_path, draw, channels, photometric
):
    """Pillow reads the first three of them."""
    path = tmp_path / "image.tif"
    options = {"photometric": photometric, "alpha": "NO"}
    save_tiff(path, draw(channels), **options)
    match = f"it has {channels} bands, and images of 3 channels are wanted"
    with pytest.raises(ImageReadError, match=match):
        read_image(path)
    assert read_image(path, channels).shape == (*SIZE, channels)


def test_without_rasterio(tmp_path, draw, monkeypatch):
    path = save_tiff(tmp_path / "image.tif", draw(5))
    monkeypatch.setitem(__import__("sys").modules, "rasterio", None)
    with pytest.raises(ImageReadError, match=r"kerasseg\[tiff\]"):
        read_image(path, 5)


def test_bands_that_are_stored_turned_are_refused(tmp_path, draw, monkeypatch):
    path = save_tiff(tmp_path / "image.tif", draw(5))
    assert not stored_otherwise(path)
    monkeypatch.setattr(
        "kerasseg.data.bands.stored_otherwise", lambda path: "stored turned"
    )
    with pytest.raises(ImageReadError, match="stored turned"):
        read_image(path, 5)


@pytest.mark.parametrize("byte_order", ["LITTLE", "BIG"])
@pytest.mark.parametrize("tiled", [False, True])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_bands_of_16_bits_that_lie_apart(
    tmp_path, draw, channels, tiled, byte_order
):
    """Pillow takes the bytes of a band for all of them."""
    bands = draw(channels, "uint16")
    form = {"interleave": "band", "ENDIANNESS": byte_order}
    if channels >= 3:
        form["photometric"] = "RGB"
    if tiled:
        form |= {"tiled": True, "blockxsize": 16, "blockysize": 16}
    path = save_tiff(tmp_path / "image.tif", bands, **form)
    found = read_image(path, channels)
    np.testing.assert_array_equal(found, (bands >> 8).astype("uint8"))


def test_tiff_files_compressed_as_webp(tmp_path, draw):
    form = {"photometric": "RGB", "compress": "webp", "WEBP_LOSSLESS": True}
    bands = draw(3)
    path = save_tiff(tmp_path / "image.tif", bands, **form)
    np.testing.assert_array_equal(read_image(path), bands)


@pytest.mark.parametrize(
    ("channels", "dtype", "form", "cause"),
    [
        (1, "uint16", {"photometric": "MINISWHITE"}, "white is 0"),
        (1, "uint16", {"nbits": 12}, "values have 12 bits"),
        (3, "uint16", {"nbits": 12}, "values have 12 bits"),
        (3, "uint8", {"nbits": 4}, "values have 4 bits"),
    ],
)
def test_values_that_are_no_pixels_are_refused(
    tmp_path, draw, channels, dtype, form, cause
):
    bands = draw(channels, dtype) >> (16 - form.get("nbits", 16)) % 8
    path = save_tiff(tmp_path / "image.tif", bands, **form)
    with pytest.raises(ImageReadError, match=rf"image\.tif: .*{cause}.*Save"):
        read_image(path, channels)


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 12, 16])
def test_masks_of_few_bits(tmp_path, draw, bits):
    ids = draw(1, "uint8" if bits <= 8 else "uint16") >> (16 - bits) % 8
    path = save_tiff(tmp_path / "mask.tif", ids, nbits=bits)
    np.testing.assert_array_equal(read_mask(path), ids[..., 0])


@pytest.mark.parametrize(
    ("form", "cause"),
    [
        ({"photometric": "MINISWHITE"}, "white is 0"),
        ({"photometric": "MINISWHITE", "nbits": 1}, "white is 0"),
        ({"compress": "jpeg"}, "JPEG is lossy"),
    ],
)
def test_masks_whose_ids_would_be_others(tmp_path, draw, form, cause):
    path = save_tiff(tmp_path / "mask.tif", draw(1) // 128, **form)
    with pytest.raises(ImageReadError, match=rf"mask\.tif as a mask: {cause}"):
        read_mask(path)


def test_files_of_pillow(tmp_path, draw):
    gray, color, four = draw(1), draw(3), draw(4)
    Image.fromarray(gray[..., 0]).save(tmp_path / "gray.png")
    Image.fromarray(color).save(tmp_path / "color.png")
    Image.fromarray(np.repeat(gray, 3, 2)).save(tmp_path / "equal.png")
    Image.fromarray(four).save(tmp_path / "four.png")
    Image.fromarray(draw(2), "LA").save(tmp_path / "two.png")
    for name in ("gray", "equal"):
        found = read_image(tmp_path / f"{name}.png", 1)
        np.testing.assert_array_equal(found, gray)
    np.testing.assert_array_equal(
        read_image(tmp_path / "gray.png"), np.repeat(gray, 3, 2)
    )
    np.testing.assert_array_equal(read_image(tmp_path / "four.png", 4), four)
    np.testing.assert_array_equal(
        read_image(tmp_path / "four.png"), four[..., :3]
    )
    assert read_image(tmp_path / "two.png", 2).shape == (*SIZE, 2)
    assert read_image(tmp_path / "two.png", 1).shape == (*SIZE, 1)
    for name, channels, cause in (
        ("color", 1, "it holds colors, and images of 1 channel are wanted"),
        ("four", 1, "it holds colors"),
        ("color", 4, "it has 3 bands, and images of 4 channels are wanted"),
        ("gray", 5, "it has 1 band, and images of 5 channels are wanted"),
        ("two", 5, "it has 2 bands"),
    ):
        with pytest.raises(ImageReadError, match=cause):
            read_image(tmp_path / f"{name}.png", channels)


@pytest.mark.parametrize("channels", [0, 17, 300, 2.5, True, None])
def test_channels_out_of_range(tmp_path, labels, write_sample, channels):
    write_sample("a")
    for function in (
        lambda: read_image(tmp_path / "images/train/a.png", channels),
        lambda: SegmentationFolder(tmp_path, "train", labels, channels),
        lambda: data.load(tmp_path, "train", labels=labels, channels=channels),
    ):
        with pytest.raises(ValueError, match="`channels` must be an integer"):
            function()


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (np.zeros(SIZE, "float32"), "values are float32"),
        (np.zeros((*SIZE, 3), "int64"), "values are int64"),
        (np.zeros(SIZE[:1], "uint8"), r"shape \(33,\)"),
        (np.array([[{}, 1]], dtype=object), "Python objects"),
    ],
)
def test_arrays_that_are_no_image(tmp_path, content, cause):
    np.save(tmp_path / "a.npy", content, allow_pickle=True)
    with pytest.raises(ImageReadError, match=f"a.npy.*{cause}"):
        read_image(tmp_path / "a.npy")
    (tmp_path / "a.npy").write_bytes(b"no array")
    with pytest.raises(ImageReadError, match="Cannot read .*a.npy"):
        read_image(tmp_path / "a.npy")


@pytest.fixture
def five_bands(tmp_path, draw, labels):
    """A folder of images of five bands."""
    for name in "abc":
        for kind in ("images", "masks"):
            (tmp_path / kind / "train").mkdir(parents=True, exist_ok=True)
        np.save(tmp_path / "images/train" / f"{name}.npy", draw(5))
        ids = draw(1)[..., 0] % 3
        Image.fromarray(ids).save(tmp_path / "masks/train" / f"{name}.png")
    return SegmentationFolder(tmp_path, "train", labels, channels=5)


def test_a_folder_of_five_bands(tmp_path, five_bands, labels):
    image, mask = five_bands[1]
    assert image.shape == (*SIZE, 5)
    assert mask.shape == SIZE
    for other in (
        five_bands.cached(),
        five_bands.subset(["b"]),
        five_bands.with_orientation("exif"),
        data.merge(five_bands, five_bands),
        data.load(tmp_path, "train", labels=labels, channels=5),
        data.pairs_in_folders(
            tmp_path / "images", tmp_path / "masks", labels, channels=5
        ),
    ):
        assert other.channels == 5
        assert other[0][0].shape == (*SIZE, 5)
    rgb = five_bands.with_channels(3)
    with pytest.raises(ImageReadError, match="a.npy: it has 5 bands"):
        rgb[0]
    with pytest.raises(ValueError, match="number of channels.*5, 3"):
        data.merge(five_bands, rgb)


@pytest.mark.parametrize("more", [{}, {"rotation": 30, "blur": 2, "holes": 3}])
@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_random_changes_are_those_of_each_channel(draw, channels, more):
    image, mask = draw(channels), np.arange(33 * 47).reshape(SIZE)
    augment = Augmentation((40, 36), saturation=0.0, fill=9, **more)
    found, ids = augment(image, mask, np.random.default_rng(3))
    assert found.shape == (40, 36, channels)
    assert found.dtype == "uint8"
    for channel in range(channels):
        one = np.repeat(image[..., channel : channel + 1], 3, axis=2)
        expected, same = augment(one, mask, np.random.default_rng(3))
        np.testing.assert_array_equal(found[..., channel], expected[..., 0])
        np.testing.assert_array_equal(ids, same)


def test_a_value_for_each_channel_around_the_image(draw):
    values = (1, 20, 3, 40, 5)
    augment = Augmentation((90, 99), scale=(1, 1), fill=values)
    found, mask = augment(
        draw(5), np.zeros(SIZE, int), np.random.default_rng(0)
    )
    assert Augmentation.from_config(augment.get_config()) == augment
    around = found[mask == 255]
    assert len(around) == 90 * 99 - 33 * 47
    np.testing.assert_array_equal(around, np.tile(values, (len(around), 1)))
    with pytest.raises(ValueError, match="`fill` must be .* each of 3"):
        augment(draw(3), np.zeros(SIZE, int), np.random.default_rng(0))
    turned = Augmentation((20, 20), scale=(0.2, 0.2), rotation=45, fill=values)
    found, mask = turned(draw(5), np.zeros(SIZE, int), np.random.default_rng(3))
    np.testing.assert_array_equal(found[0, 0], values)
    with pytest.raises(ValueError, match="`fill` must be a gray value"):
        Augmentation(fill=(1, 256, 3))


@pytest.mark.every_backend
@pytest.mark.parametrize("channels", [1, 5])
def test_batches(draw, channels):
    samples = [(draw(channels), draw(1)[..., 0] % 3) for _ in range(4)]
    made = batches(samples, 2, Augmentation((24, 36)))
    images, masks = next(iter(made))
    assert tuple(images.shape) == (2, 24, 36, channels)
    assert tuple(masks.shape) == (2, 24, 36)
    if keras.backend.backend() == "tensorflow":
        assert made.element_spec[0].shape[-1] == channels


def test_a_batch_of_unlike_images(draw):
    samples = [(draw(5), draw(1)[..., 0]), (draw(3), draw(1)[..., 0])]
    with pytest.raises(ValueError, match="have 5 channels. Received: .* of 3"):
        data.Batches(samples, 2)[0]


def test_tf_data(draw):
    tf = pytest.importorskip("tensorflow")
    five = tf.data.Dataset.from_tensors((draw(5), draw(1)))
    samples = data.TfDataSamples(five, channels=5)
    assert samples[0][0].shape == (*SIZE, 5)
    with pytest.raises(ValueError, match=r"shape \(height, width, 3\)"):
        data.TfDataSamples(five)[0]
    gray = tf.data.Dataset.from_tensors((draw(1), draw(1)))
    assert data.TfDataSamples(gray)[0][0].shape == (*SIZE, 3)
    assert data.TfDataSamples(gray, channels=1)[0][0].shape == (*SIZE, 1)


def test_which_bands_people_see(draw):
    image = draw(5)
    for bands, said in (
        (None, "bands 1, 2, 3 of 5"),
        ((5, 3, 1), "bands 5, 3, 1 of 5"),
        ((4,), "band 4 of 5"),
    ):
        shown, words = shown_bands(image, bands)
        assert words == said
        chosen = [band - 1 for band in bands or (1, 2, 3)]
        expected = image[..., chosen] + np.zeros((1, 1, 3), "uint8")
        np.testing.assert_array_equal(shown, expected)
    assert shown_bands(draw(3))[1] == shown_bands(draw(1))[1] == ""
    assert shown_bands(draw(2))[1] == "band 1 of 2"
    for bands in ((6,), (1, 2), (0, 1, 2), (1, 2, 6)):
        with pytest.raises(ValueError, match="`bands` must be"):
            shown_bands(image, bands)
