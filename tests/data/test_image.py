import numpy as np
import pytest
from PIL import Image

from kerasseg.data import ImageReadError
from kerasseg.data import read_image
from kerasseg.data import read_mask

SIZE = (33, 47)


@pytest.fixture
def pixels(rng):
    return rng.integers(0, 256, (*SIZE, 3), dtype="uint8")


@pytest.fixture
def ids(rng):
    return rng.integers(0, 11, SIZE, dtype="uint8")


def _saved(path, array_or_image, **options):
    image = array_or_image
    if not isinstance(image, Image.Image):
        image = Image.fromarray(image)
    image.save(path, **options)
    return path


# === Images ===


def test_rgb_is_read_as_it_is(tmp_path, pixels):
    image = read_image(_saved(tmp_path / "a.png", pixels))
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, pixels)


def test_the_array_can_be_written_to(tmp_path, pixels):
    assert read_image(_saved(tmp_path / "a.png", pixels)).flags.writeable


def test_gray_is_repeated(tmp_path, pixels):
    image = read_image(_saved(tmp_path / "a.png", pixels[..., 0]))
    np.testing.assert_array_equal(image, pixels[..., [0, 0, 0]])


def test_alpha_is_dropped(tmp_path, pixels, rng):
    alpha = rng.integers(0, 256, (*SIZE, 1), dtype="uint8")
    path = _saved(tmp_path / "a.png", np.concatenate([pixels, alpha], axis=-1))
    np.testing.assert_array_equal(read_image(path), pixels)


def test_gray_with_alpha(tmp_path, pixels):
    path = _saved(
        tmp_path / "a.png",
        Image.merge("LA", [Image.fromarray(pixels[..., i]) for i in (0, 1)]),
    )
    np.testing.assert_array_equal(read_image(path), pixels[..., [0, 0, 0]])


def test_palette_and_transparent_palette(tmp_path, ids):
    image = Image.fromarray(ids)
    image = Image.frombytes("P", image.size, image.tobytes())
    colors = np.arange(33, dtype="uint8")
    image.putpalette(colors.tobytes())
    expected = colors.reshape(11, 3)[ids]
    plain = read_image(_saved(tmp_path / "a.png", image))
    clear = read_image(_saved(tmp_path / "b.png", image, transparency=3))
    np.testing.assert_array_equal(plain, expected)
    np.testing.assert_array_equal(clear, expected)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_lose_their_low_byte(tmp_path, rng, suffix):
    deep = rng.integers(0, 65536, SIZE, dtype="uint16")
    image = read_image(_saved(tmp_path / f"a{suffix}", deep))
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image[..., 1], deep >> 8)


def test_one_bit_is_black_and_white(tmp_path, ids):
    image = read_image(_saved(tmp_path / "a.png", ids > 5))
    np.testing.assert_array_equal(image[..., 2], (ids > 5) * 255)


def test_cmyk_jpeg_becomes_rgb(tmp_path, pixels):
    path = _saved(tmp_path / "a.jpg", Image.fromarray(pixels).convert("CMYK"))
    assert read_image(path).shape == (*SIZE, 3)


def test_exif_orientation_is_applied(tmp_path, pixels):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = _saved(tmp_path / "a.png", pixels, exif=exif)
    np.testing.assert_array_equal(read_image(path), np.rot90(pixels, -1))


def test_wide_integers_and_floats_are_refused(tmp_path, pixels):
    wide = _saved(tmp_path / "a.tif", pixels[..., 0].astype("int32") << 16)
    with pytest.raises(ImageReadError, match=r"a\.tif.*beyond 16 bits"):
        read_image(wide)
    real = _saved(tmp_path / "b.tif", pixels[..., 0].astype("float32"))
    with pytest.raises(ImageReadError, match=r"b\.tif.*floating point"):
        read_image(real)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("share", [0.3, 0.9])
@pytest.mark.parametrize("read", [read_image, read_mask])
def test_truncated_file_is_refused(tmp_path, pixels, suffix, share, read):
    path = _saved(tmp_path / f"cut{suffix}", pixels)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ImageReadError, match=rf"read .*cut\{suffix}: ."):
        read(path)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\nrest"])
def test_other_content_is_refused(tmp_path, content):
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(ImageReadError, match=r"a\.png: it is not an image"):
        read_image(path)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(ImageReadError, match=r"no\.png: there is no such file"):
        read_image(tmp_path / "no.png")
    with pytest.raises(ImageReadError, match="directory"):
        read_image(tmp_path)


# === Masks ===


def test_gray_mask_holds_ids(tmp_path, ids):
    mask = read_mask(_saved(tmp_path / "a.png", ids))
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, ids)


def test_palette_mask_holds_indices(tmp_path, ids):
    image = Image.frombytes("P", SIZE[::-1], ids.tobytes())
    image.putpalette(bytes(range(33)))
    path = _saved(tmp_path / "a.png", image)
    np.testing.assert_array_equal(read_mask(path), ids)


def test_bilevel_mask_holds_zero_and_one(tmp_path, ids):
    mask = read_mask(_saved(tmp_path / "a.png", ids > 5))
    np.testing.assert_array_equal(mask, ids > 5)
    assert mask.dtype == np.uint8


@pytest.mark.parametrize("bits", [2, 4])
def test_gray_masks_of_few_bits_are_not_stretched(tmp_path, bits):
    # Pillow writes no such files: take a palette file, call it gray.
    ids = np.arange(2**bits, dtype="uint8").reshape(2, -1)
    image = Image.frombytes("P", ids.shape[::-1], ids.tobytes())
    image.putpalette(bytes(3 * 2**bits))
    path = _saved(tmp_path / "a.png", image, bits=bits)
    path.write_bytes(_as_gray(path.read_bytes()))
    with Image.open(path) as opened:
        assert opened.mode == "L"
    np.testing.assert_array_equal(read_mask(path), ids)


def _as_gray(png):
    import struct
    import zlib

    header = bytearray(png[12:29])
    header[13] = 0
    crc = struct.pack(">I", zlib.crc32(bytes(header)))
    start = png.index(b"PLTE") - 4
    stop = start + 12 + struct.unpack(">I", png[start : start + 4])[0]
    return png[:12] + bytes(header) + crc + png[33:start] + png[stop:]


def test_sixteen_bit_mask_keeps_large_ids(tmp_path, rng):
    ids = rng.integers(0, 65536, SIZE, dtype="uint16")
    mask = read_mask(_saved(tmp_path / "a.png", ids))
    assert mask.dtype == np.int32
    np.testing.assert_array_equal(mask, ids)


def test_color_mask_is_refused(tmp_path, pixels):
    path = _saved(tmp_path / "a.png", pixels)
    with pytest.raises(ImageReadError, match=r"a\.png.*colors.*not class ids"):
        read_mask(path)


def test_jpeg_mask_is_refused(tmp_path, ids):
    with pytest.raises(ImageReadError, match=r"a\.jpg.*lossy.*as PNG"):
        read_mask(_saved(tmp_path / "a.jpg", ids))
