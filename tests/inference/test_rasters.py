import warnings

import numpy as np
import pytest
from PIL import Image

from kerasseg.data import read_image
from kerasseg.inference import mask_raster
from kerasseg.inference import open_raster
from kerasseg.inference.rasters import RasterError

rasterio = pytest.importorskip("rasterio")

PALETTE = ((0, 0, 0), (10, 200, 30), (200, 0, 50))


@pytest.fixture
def image(rng):
    return rng.integers(0, 256, (203, 131, 3), dtype="uint8")


def write(path, planes, **options):
    """A GeoTIFF of planes `(bands, height, width)`."""
    count, height, width = planes.shape
    shape = {"count": count, "height": height, "width": width}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(
            path, "w", driver="GTiff", dtype=planes.dtype, **shape, **options
        ) as dataset:
            dataset.write(planes)
    return path


@pytest.mark.parametrize("options", [{}, {"tiled": True, "compress": "lzw"}])
def test_rows_are_those_of_the_image(tmp_path, image, options):
    path = write(tmp_path / "a.tif", image.transpose(2, 0, 1), **options)
    with open_raster(path) as raster:
        assert raster.shape == image.shape
        rows = raster.read(37, 150)
        assert rows.dtype == "uint8"
        np.testing.assert_array_equal(rows, image[37:150])


def test_sixteen_bits_become_eight_and_gray_becomes_rgb(tmp_path, image):
    deep = image[..., 0].astype("uint16") * 256 + 99
    path = write(tmp_path / "a.tif", deep[np.newaxis])
    with open_raster(path) as raster:
        rows = raster.read(0, 203)
    np.testing.assert_array_equal(rows, np.stack(3 * [image[..., 0]], -1))


def test_an_alpha_channel_is_dropped(tmp_path, image):
    alpha = np.dstack([image, image[..., 0]])
    Image.fromarray(alpha, "RGBA").save(tmp_path / "a.tif")
    with open_raster(tmp_path / "a.tif") as raster:
        np.testing.assert_array_equal(raster.read(0, 203), image)


@pytest.mark.parametrize("count", [2, 4, 5])
def test_bands_that_do_not_tell_their_colors_are_refused(
    tmp_path, image, count
):
    planes = np.repeat(image[..., :1], count, -1).transpose(2, 0, 1)
    path = write(tmp_path / "a.tif", planes, photometric="minisblack")
    message = rf"a\.tif: it has {count} bands.* such as bands=\(1, 2, 3\)"
    with pytest.raises(RasterError, match=message), open_raster(path):
        pass


def test_bands_are_chosen(tmp_path, image):
    planes = np.stack([image[..., i % 3] // (i + 1) for i in range(5)])
    path = write(tmp_path / "a.tif", planes, photometric="minisblack")
    with open_raster(path, bands=(5, 3, 1)) as raster:
        rows = raster.read(5, 9)
    expected = planes[[4, 2, 0], 5:9].transpose(1, 2, 0)
    np.testing.assert_array_equal(rows, expected)
    with (
        pytest.raises(RasterError, match="`bands` must be at most 5"),
        open_raster(path, bands=(6, 1, 1)),
    ):
        pass


@pytest.mark.parametrize("dtype", ["float32", "int16"])
def test_other_types_are_refused(tmp_path, image, dtype):
    path = write(tmp_path / "a.tif", image.transpose(2, 0, 1).astype(dtype))
    with (
        pytest.raises(RasterError, match=f"values are {dtype}"),
        open_raster(path),
    ):
        pass


def test_a_palette_is_refused(tmp_path, image):
    Image.fromarray(image).quantize(16).save(tmp_path / "a.tif")
    with (
        pytest.raises(RasterError, match="indices into a palette"),
        open_raster(tmp_path / "a.tif"),
    ):
        pass


def test_a_palette_is_refused_whatever_bands_are_chosen(tmp_path, image):
    Image.fromarray(image).quantize(16).save(tmp_path / "a.tif")
    with (
        pytest.raises(RasterError, match="indices into a palette"),
        open_raster(tmp_path / "a.tif", bands=(1, 1, 1)),
    ):
        pass


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_a_file_that_is_stored_turned_is_refused(
    tmp_path, image, orientation, big
):
    path = tmp_path / "a.tif"
    tags = {274: orientation}
    Image.fromarray(image).save(path, big_tiff=big, tiffinfo=tags)
    if orientation == 1:
        with open_raster(path) as raster:
            np.testing.assert_array_equal(raster.read(0, 203), image)
        return
    with pytest.raises(RasterError, match="stored turned"), open_raster(path):
        pass


@pytest.mark.parametrize(
    ("form", "cause"),
    [
        ({"photometric": "MINISWHITE"}, "white is 0"),
        ({"nbits": 2}, "values have 2 bits"),
        ({"nbits": 4, "photometric": "MINISWHITE"}, "white is 0"),
        ({"photometric": "CIELAB"}, "CIE Lab"),
    ],
)
def test_values_that_are_no_pixels_are_refused(tmp_path, image, form, cause):
    planes = image.transpose(2, 0, 1)
    if form.get("photometric") != "CIELAB":
        planes = planes[:1] >> 8 - form.get("nbits", 8)
    path = write(tmp_path / "a.tif", planes, **form)
    with (
        pytest.raises(RasterError, match=rf"a\.tif by rows: .*{cause}.*Save"),
        open_raster(path),
    ):
        pass
    # Pillow knows what they stand for.
    assert read_image(path).shape == image.shape


def test_what_is_no_raster_is_refused(tmp_path):
    (tmp_path / "a.tif").write_text("no image")
    for name in ("a.tif", "none.tif"):
        with (
            pytest.raises(RasterError, match=f"Cannot read .*{name}"),
            open_raster(tmp_path / name),
        ):
            pass


def test_a_cut_file_is_told_where_it_is_read(tmp_path, image):
    path = write(tmp_path / "a.tif", image.transpose(2, 0, 1), compress="lzw")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with (
        pytest.raises(RasterError, match=r"Cannot read .*a\.tif"),
        open_raster(path) as raster,
    ):
        raster.read(0, 203)


def test_a_reduced_image_keeps_its_proportions(tmp_path, image):
    path = write(tmp_path / "a.tif", image.transpose(2, 0, 1))
    with open_raster(path) as raster:
        assert raster.reduced(100).shape == (100, 65, 3)
        np.testing.assert_array_equal(raster.reduced(203), image)


def test_a_mask_keeps_ids_colors_and_reference(tmp_path, image, rng):
    transform = rasterio.Affine(0.25, 0, 500_000, 0, -0.25, 5_200_000)
    path = write(
        tmp_path / "a.tif",
        image.transpose(2, 0, 1),
        crs="EPSG:32632",
        transform=transform,
    )
    mask = rng.integers(0, 3, (203, 131), dtype="uint8")
    with open_raster(path) as raster:
        reference = raster.reference()
    out = tmp_path / "out" / "mask.tif"
    with mask_raster(out, mask.shape, PALETTE, reference) as target:
        for top in range(0, 203, 50):
            target.write(mask[top : top + 50])
    with rasterio.open(out) as dataset:
        assert dataset.crs == "EPSG:32632"
        assert dataset.transform == transform
        assert dataset.colormap(1)[1] == (10, 200, 30, 255)
        np.testing.assert_array_equal(dataset.read(1), mask)
    assert [p.name for p in out.parent.iterdir()] == ["mask.tif"]


def test_more_classes_than_a_palette_has(tmp_path):
    mask = np.arange(40 * 50, dtype="uint16").reshape(40, 50)
    with mask_raster(tmp_path / "a.tif", mask.shape, 300 * PALETTE) as target:
        target.write(mask)
    with open_raster_plain(tmp_path / "a.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(1), mask)


def open_raster_plain(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return rasterio.open(path)


def write_mask(path, mask, rows=60):
    """Writes a mask as the tiles do."""
    with mask_raster(path, (len(mask), 400), PALETTE) as target:
        for top in range(0, len(mask), rows):
            target.write(mask[top : top + rows])


def test_a_full_disk_leaves_nothing(tmp_path, rng, file_size_limit):
    mask = rng.integers(0, 256, (600, 400), dtype="uint8")
    path = tmp_path / "mask.tif"
    path.write_text("as it was")
    with (
        pytest.raises(OSError, match="File too large") as caught,
        file_size_limit(100_000),
    ):
        write_mask(path, mask)
    assert str(path) in str(caught.value)
    assert path.read_text() == "as it was"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_failure_of_the_prediction_leaves_nothing(tmp_path):
    mask = np.zeros((90, 80), "uint8")
    with pytest.raises(ValueError, match="dimension"):
        write_mask(tmp_path / "a.tif", mask)
    assert not list(tmp_path.iterdir())


def test_missing_rows_are_found(tmp_path):
    with (
        pytest.raises(OSError, match="only 70 of 200 rows were written"),
        mask_raster(tmp_path / "a.tif", (200, 80), PALETTE) as target,
    ):
        target.write(np.zeros((70, 80), "uint8"))
    assert not list(tmp_path.iterdir())
