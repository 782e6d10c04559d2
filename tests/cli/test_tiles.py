import argparse
import re
import warnings

import numpy as np
import pytest
from PIL import Image

from kerasseg.cli import predict as predict_verb
from kerasseg.cli import tiles
from kerasseg.cli.tiles import memory_size
from kerasseg.data.image import read_mask
from kerasseg.inference import memory
from kerasseg.inference import tile_plan

rasterio = pytest.importorskip("rasterio")


def listed(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def image(rng):
    return rng.integers(0, 256, (203, 131, 3), dtype="uint8")


@pytest.fixture
def tiff(tmp_path, image):
    """A function that writes a TIFF file."""

    def tiff(name="aerial.tif", planes=None, **options):
        planes = image.transpose(2, 0, 1) if planes is None else planes
        folder = tmp_path / "aerial"
        folder.mkdir(exist_ok=True)
        count, height, width = planes.shape
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with rasterio.open(
                folder / name,
                "w",
                driver="GTiff",
                count=count,
                height=height,
                width=width,
                dtype=planes.dtype,
                **options,
            ) as dataset:
                dataset.write(planes)
        return folder / name

    return tiff


TRANSFORM = rasterio.Affine(0.25, 0, 500_000, 0, -0.25, 5_200_000)


def test_tiles_give_the_mask_of_the_image(run, channels_entry, image, tmp_path):
    Image.fromarray(image).save(tmp_path / "street.png")
    out = tmp_path / "out"
    argv = ("--tile-shape", "64x96", "--overlap", "16", "--out", out)
    result = run("predict", channels_entry, tmp_path / "street.png", *argv)
    assert result.code == 0
    assert listed(out) == ["street_mask.png", "street_overlay.jpg"]
    mask = read_mask(out / "street_mask.png")
    np.testing.assert_array_equal(mask, image.argmax(-1))


@pytest.mark.parametrize("count", [1, 2])
def test_a_single_image_shows_its_tiles(
    run, channels_entry, tiff, tmp_path, monkeypatch, count
):
    shown = []

    def spy(items, description, total):
        for item in items:
            yield item
            shown.append((description, item, total))

    monkeypatch.setattr(tiles, "progress", spy)
    paths = [tiff(f"{name}.tif") for name in "ab"[:count]]
    argv = ("--tile-shape", "128x96", "--overlap", "32")
    result = run(
        "predict", channels_entry, *paths, *argv, "--out", tmp_path / "out"
    )
    assert result.code == 0, result.err
    expected = [("tiles", index, 4) for index in range(4)]
    assert shown == (expected if count == 1 else [])


def test_a_georeferenced_tiff_keeps_its_reference(
    run, channels_entry, tiff, image, tmp_path
):
    path = tiff(crs="EPSG:32632", transform=TRANSFORM)
    out = tmp_path / "out"
    result = run("predict", channels_entry, path, "--out", out)
    assert result.code == 0, result.err
    assert listed(out) == ["aerial_mask.tif", "aerial_overlay.jpg"]
    with rasterio.open(out / "aerial_mask.tif") as dataset:
        assert dataset.crs == "EPSG:32632"
        assert dataset.transform == TRANSFORM
        np.testing.assert_array_equal(dataset.read(1), image.argmax(-1))
    with Image.open(out / "aerial_overlay.jpg") as overlay:
        assert overlay.width == 131


@pytest.mark.parametrize("options", [(), ("--tiles",)])
def test_16_bits_that_are_hardly_used_are_told(
    run, channels_entry, tiff, image, tmp_path, options
):
    planes = image.transpose(2, 0, 1).astype("uint16")
    paths = [
        tiff(f"{bits}.tif", planes << bits - 8, interleave="band",
             photometric="RGB")
        for bits in (12, 16)
    ]  # fmt: skip
    argv = ("predict", channels_entry, *paths, "--out", tmp_path, *options)
    result = run(*argv)
    assert result.code == 0, result.err
    assert f"1 of the images, such as {paths[0]}, has 16 bits" in result.err
    assert "values of 12 bits alone" in result.err
    assert "16 bits" not in run(*argv[:2], *argv[3:]).err


@pytest.mark.parametrize("option", ["--file-ids", "--multi-scale", "--crf"])
def test_a_lost_reference_is_told(
    run, channels_entry, tiff, tmp_path, monkeypatch, option
):
    path = tiff(crs="EPSG:32632", transform=TRANSFORM)
    argv = ("predict", channels_entry, path, "--mask", "--out", tmp_path)
    monkeypatch.setattr(
        "kerasseg.inference.predict_mask_crf",
        lambda model, image: image.argmax(-1),
    )
    result = run(*argv, option)
    assert result.code == 0, result.err
    assert listed(tmp_path / "aerial") == ["aerial.tif"]
    assert (tmp_path / "aerial_mask.png").is_file()
    assert f"no geographic reference with {option}, which" in result.err
    assert "geographic reference" not in run(*argv).err


def test_an_overlay_alone_leaves_no_mask(run, channels_entry, tiff, tmp_path):
    out = tmp_path / "out"
    argv = ("--tiles", "--overlay", "--out", out)
    result = run("predict", channels_entry, tiff(), *argv)
    assert result.code == 0, result.err
    assert listed(out) == ["aerial_overlay.jpg"]


def test_a_plain_tiff_that_fits_is_predicted_as_before(
    run, channels_entry, tiff, tmp_path
):
    out = tmp_path / "out"
    result = run("predict", channels_entry, tiff(), "--mask", "--out", out)
    assert result.code == 0, result.err
    assert listed(out) == ["aerial_mask.png"]


@pytest.mark.parametrize("name", ["large.tif", "large.png"])
def test_an_image_that_does_not_fit_takes_tiles(
    run, channels_entry, tiff, image, tmp_path, monkeypatch, name
):
    if name == "large.tif":
        path = tiff(name)
    else:
        path = tmp_path / name
        Image.fromarray(image).save(path)
    monkeypatch.setattr(memory, "free_bytes", lambda: 10_000_000)
    out = tmp_path / "out"
    result = run("predict", channels_entry, path, "--mask", "--out", out)
    assert result.code == 0, result.err
    assert "predicted in tiles, since the whole image takes" in result.err
    mask = read_mask(next(out.iterdir()))
    np.testing.assert_array_equal(mask, image.argmax(-1))


def test_a_budget_below_one_tile_is_refused(
    run, channels_entry, tiff, tmp_path
):
    out = tmp_path / "out"
    argv = ("--memory", "1M", "--out", out)
    result = run("predict", channels_entry, tiff(), *argv)
    assert result.code == 1
    assert "aerial.tif: --memory must be at least" in result.err
    assert "Received: --memory 1048576\n" in result.err
    assert not listed(out)
    least = re.search(r"bytes \((\d+ MiB)\)", result.err)[1]
    argv = ("--memory", least, "--out", out)
    assert run("predict", channels_entry, tiff(), *argv).code == 0


def test_small_tiles_are_told_once(
    run, channels_entry, image_folder, tmp_path, monkeypatch
):
    monkeypatch.setattr(tile_plan, "reach", lambda model: 200)
    argv = ("--tile-shape", "32x32", "--out", tmp_path / "out")
    result = run("predict", channels_entry, image_folder, *argv)
    assert result.code == 0, result.err
    assert result.err.count("smaller than the receptive field") == 1
    assert "UserWarning" not in result.err


def test_five_bands_are_refused_until_three_are_named(
    run, channels_entry, tiff, image, tmp_path
):
    planes = np.stack([image[..., i % 3] for i in (1, 0, 2, 1, 0)])
    path = tiff(planes=planes, photometric="minisblack")
    out = tmp_path / "out"
    result = run("predict", channels_entry, path, "--out", out)
    assert result.code == 1
    assert "it has 5 bands" in result.err
    assert "such as --bands 1,2,3." in result.err
    assert not listed(out)
    argv = ("--mask", "--bands", "5,4,3", "--out", out)
    result = run("predict", channels_entry, path, *argv)
    assert result.code == 0, result.err
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = rasterio.open(out / "aerial_mask.tif")
    np.testing.assert_array_equal(dataset.read(1), image.argmax(-1))
    dataset.close()


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--multi-scale",),
        ("--crf",),
        ("--file-ids",),
        ("--file-ids", "--tiles"),
    ],
)
def test_chosen_bands_are_those_of_a_permuted_image(
    run, channels_entry, tiff, image, tmp_path, options
):
    planes = image.transpose(2, 0, 1)
    permuted = tiff("permuted.tif", planes[[2, 0, 1]])
    masks = []
    for path, more in (
        (tiff(), ("--bands", "3,1,2")),
        (permuted, ()),
        (tiff(), ()),
    ):
        out = tmp_path / f"out{len(masks)}"
        argv = ("--mask", "--out", out, *options, *more)
        result = run("predict", channels_entry, path, *argv)
        assert result.code == 0, result.err
        masks.append(read_mask(next(out.iterdir())))
    np.testing.assert_array_equal(masks[0], masks[1])
    assert (masks[0] != masks[2]).mean() > 0.1


def test_a_file_that_is_stored_turned_is_turned(
    run, channels_entry, image, tmp_path
):
    upright = tmp_path / "upright.tif"
    Image.fromarray(image).save(upright)
    turned = tmp_path / "turned.tif"
    pixels = Image.fromarray(image).transpose(Image.Transpose.ROTATE_90)
    # Rows run from the top of the right side to the left.
    pixels.save(turned, tiffinfo={274: 6})
    options = ("--tiles", "--mask", "--out", tmp_path / "out")
    result = run("predict", channels_entry, upright, turned, *options)
    assert result.code == 0, result.err
    masks = [
        read_mask(next((tmp_path / "out").glob(f"{name}*")))
        for name in ("upright", "turned")
    ]
    np.testing.assert_array_equal(*masks)
    assert masks[0].shape == image.shape[:2]


@pytest.mark.parametrize("options", [(), ("--crf",), ("--tiles",)])
def test_a_band_that_a_file_lacks_is_refused(
    run, channels_entry, tiff, tmp_path, options
):
    out = tmp_path / "out"
    argv = ("--bands", "1,2,9", "--out", out, *options)
    result = run("predict", channels_entry, tiff(), *argv)
    assert result.code == 1
    assert "--bands must be at most 3, the number of bands of" in result.err
    assert "Received: --bands 1,2,9\n" in result.err
    assert not listed(out)


def test_a_disk_that_fills_up_leaves_nothing(
    run, channels_entry, tiff, tmp_path, file_size_limit
):
    path, out = tiff(), tmp_path / "out"
    with file_size_limit(2000):
        result = run(
            "predict", channels_entry, path, "--tiles", "--mask", "--out", out
        )
    assert result.code == 1
    assert "aerial_mask.tif: File too large" in result.err
    assert not listed(out)


def test_a_mask_never_overwrites_an_image(run, channels_entry, tiff):
    tiff("b_mask.tif")
    path = tiff("b.tif")
    argv = ("--tiles", "--out", path.parent)
    result = run("predict", channels_entry, path.parent, *argv)
    assert result.code == 2
    assert "b_mask.tif is one of the images" in result.err


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("--tiles", "--multi-scale"), "cannot be combined"),
        (("--tiles", "--crf"), "--crf and --tiles cannot be combined"),
        (("--memory", "much"), "must be a size in bytes"),
        (("--tile-shape", "64"), "must be HEIGHTxWIDTH"),
        (("--overlap", "-1"), "must be a number of pixels"),
        (("--bands", "0,1,2"), "must be numbers from 1"),
        (("--bands", "1,2"), "of the model, which has 3, not 1,2"),
        (
            ("--tile-shape", "64x64", "--overlap", "5000"),
            "--overlap must be at most half a tile, 32 pixels, not 5000",
        ),
    ],
)
def test_usage_errors_are_one_line(
    run, channels_entry, tiff, monkeypatch, argv, message
):
    # They are told before the model is loaded.
    monkeypatch.delattr(predict_verb, "load_model")
    result = run("predict", channels_entry, tiff(), *argv)
    assert result.code == 2
    assert message in result.err
    assert result.err.count("\n") == 1


def test_an_overlap_of_more_than_half_a_tile(
    run, channels_entry, tiff, tmp_path
):
    argv = ("--mask", "--overlap", "40", "--out", tmp_path / "out")
    shape = ("--tile-shape", "64x160")
    result = run("predict", channels_entry, tiff(), *shape, *argv)
    assert result.code == 1
    assert "tif: --overlap must be at most half a tile, 32 pix" in result.err
    # No matter where the image is no higher than a tile.
    flat = tiff("flat.tif", np.zeros((3, 60, 200), "uint8"))
    result = run("predict", channels_entry, flat, *shape, *argv)
    assert result.code == 0, result.err


def test_bands_are_of_tiff_files(
    run, channels_entry, image_folder, tiff, tmp_path, monkeypatch
):
    monkeypatch.delattr(predict_verb, "load_model")
    argv = ("--bands", "3,2,1", "--out", tmp_path / "out")
    result = run("predict", channels_entry, tiff(), image_folder, *argv)
    assert result.code == 2
    path = image_folder / "a.png"
    assert result.err == (
        f"kerasseg: --bands is for TIFF files, not {path} and 1 more\n"
    )
    monkeypatch.setattr(tiles, "_has_rasterio", lambda: False)
    result = run("predict", channels_entry, tiff(), *argv)
    assert result.code == 2
    assert "--bands needs rasterio: pip install" in result.err


def test_sizes_have_units():
    assert memory_size("2G") == memory_size("2 GiB") == 2**31
    assert memory_size("1.5k") == 1536
    assert memory_size("700") == 700
    for text in ("0", "2X", "-1G", "", "9" * 400):
        with pytest.raises(argparse.ArgumentTypeError, match="size in bytes"):
            memory_size(text)
