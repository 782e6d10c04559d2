"""No damaged image makes the readers raise anything but `ImageReadError`."""

import io

import numpy as np
import pytest
from PIL import Image

from kerasseg.data import ImageReadError
from kerasseg.data import read_image
from kerasseg.data import read_mask

MODES = ("1", "L", "P", "LA", "RGB", "RGBA", "CMYK", "I;16", "I", "F")


@pytest.fixture(scope="module")
def whole_images():
    """The content of an image in each format and mode that Pillow writes."""
    Image.init()
    noise = np.random.default_rng(3).integers(0, 256, (35, 48, 3), "uint8")
    contents = {}
    for form in sorted(set(Image.SAVE) & set(Image.OPEN)):
        for mode in MODES:
            image = Image.fromarray(noise)
            if mode == "I;16":
                image = image.convert("L")
            content = _saved(image.convert(mode), form)
            if content:
                contents[form, mode] = content
    assert {form for form, _ in contents} >= {
        *("PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP", "AVIF", "DDS"),
        *("SPIDER", "ICO", "ICNS", "PPM", "TGA", "JPEG2000", "QOI", "SGI"),
    }
    return list(contents.values())


def _saved(image, form):
    """The bytes in a format, or nothing where it does not go there and back."""
    file = io.BytesIO()
    try:
        image.save(file, form)
        Image.open(file).load()
    except (OSError, ValueError, KeyError, DeprecationWarning):
        return b""
    return file.getvalue()


def damaged(contents, case):
    """One of the files, with bytes flipped, cut off or repeated."""
    rng = np.random.default_rng([20160, case])
    content = np.frombuffer(contents[case % len(contents)], "uint8").copy()
    # Headers are short, and where most goes wrong.
    reach = len(content) if rng.random() < 0.5 else min(96, len(content))
    for place in rng.integers(0, reach, rng.integers(1, 9)):
        if rng.random() < 0.5:
            content[place] ^= 1 << rng.integers(8)
        else:
            content[place] = rng.choice((0, 1, 127, 128, 255))
    if rng.random() < 0.2:
        content = content[: rng.integers(1, len(content) + 1)]
    return content.tobytes()


def check(path):
    """The readers return what they promise, or refuse in their own way."""
    refused = 0
    for read, shape in ((read_image, 3), (read_mask, 2)):
        try:
            array = read(path)
        except ImageReadError as error:
            message = str(error)
            refused += 1
            assert str(path) in message
            assert "\n" not in message
            continue
        assert array.ndim == shape
        assert array.dtype in ("uint8", "int32")
        assert array.flags.writeable
    return refused


@pytest.mark.one_backend
@pytest.mark.parametrize(
    "cases",
    [range(400), pytest.param(range(20_000), marks=pytest.mark.nightly)],
)
def test_damaged_images_are_refused_or_read(tmp_path, whole_images, cases):
    path = tmp_path / "image.png"
    refused = 0
    for case in cases:
        path.write_bytes(damaged(whole_images, case))
        try:
            refused += check(path)
        except Exception as error:
            error.add_note(f"case {case}")
            raise
    assert 0.2 < refused / (2 * len(cases)) < 0.95


@pytest.mark.parametrize(
    "error",
    [
        AttributeError("no attribute"),
        NotImplementedError("a pixel format"),
        RuntimeError("Failed to decode frame 0"),
        RecursionError("too deep"),
    ],
)
@pytest.mark.parametrize("at", ["open", "load", "convert"])
def test_whatever_a_decoder_raises_is_refused(tmp_path, monkeypatch, error, at):
    def fail(*args, **kwargs):
        raise error

    path = tmp_path / "a.png"
    Image.new("RGB", (48, 35)).save(path)
    owner = Image if at == "open" else Image.Image
    monkeypatch.setattr(owner, at, fail)
    with pytest.raises(ImageReadError, match=rf"a\.png: {error}"):
        read_image(path)
