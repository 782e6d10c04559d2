"""Images of every kind that cameras, scanners and programs write."""

import struct
import zlib

import numpy as np
from PIL import Image


def write_odd_images(folder, image):
    """Writes one image in many forms.

    Args:
        folder: Where to.
        image: RGB `PIL.Image.Image`, of 32 pixels or more on a side.

    Returns:
        The names of the files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, (odd, options) in {
        **_modes(image),
        **_deep(image),
        **_turned(image),
        **_small(image),
    }.items():
        odd.save(folder / name, **options)
    (folder / "deep_rgb.png").write_bytes(_deep_png(image))
    whole = (folder / "rgb.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "flipped.png").write_bytes(whole[:-60] + b"\0" + whole[-59:])
    (folder / "text.png").write_text("no image")
    return sorted(path.name for path in folder.iterdir())


def _modes(image):
    gray, noise = image.convert("L"), _noise(image)
    palette = image.quantize(64)
    rgba, la = image.convert("RGBA"), gray.convert("LA")
    rgba.putalpha(noise)
    la.putalpha(noise)
    several = {"save_all": True, "append_images": [image.rotate(180)]}
    return {
        "rgb.png": (image, {}),
        "rgb.bmp": (image, {}),
        "rgb.ppm": (image, {}),
        "rgb.jpg": (image, {"quality": 95}),
        "rgb.avif": (image, {"quality": 95}),
        "gray.png": (gray, {}),
        "gray.jpg": (gray, {"quality": 95}),
        "gray.pgm": (gray, {}),
        "palette.png": (palette, {}),
        "palette_with_alpha.png": (palette, {"transparency": bytes(range(64))}),
        "rgb_with_key.png": (image, {"transparency": image.getpixel((9, 9))}),
        "rgba.png": (rgba, {}),
        "rgba.webp": (rgba, {"lossless": True, "exact": True}),
        "two_channels.png": (la, {}),
        "one_bit.png": (image.convert("1"), {}),
        "cmyk.jpg": (image.convert("CMYK"), {"quality": 95}),
        "cmyk.tif": (image.convert("CMYK"), {}),
        "lab.tif": (Image.merge("LAB", image.split()), {}),
        "animated.gif": (palette, several),
        "animated.png": (image, several),
        "animated.webp": (image, {**several, "lossless": True}),
        "pages.tif": (image, several),
    }


def _deep(image):
    values = np.asarray(image.convert("L")).astype("int64") << 8
    values |= np.asarray(_noise(image))
    deep, wide = values.astype("uint16"), (values << 9).astype("int32")
    negative = (values - 30_000).astype("int32")
    return {
        "deep_gray.png": (Image.fromarray(deep), {}),
        "deep_gray.pgm": (Image.fromarray(deep), {}),
        "deep_gray.tif": (Image.fromarray(deep), {}),
        "deep_gray_big_endian.tif": (Image.fromarray(deep.astype(">u2")), {}),
        "integers.tif": (Image.fromarray(values.astype("int32")), {}),
        "wide.tif": (Image.fromarray(wide), {}),
        "negative.tif": (Image.fromarray(negative), {}),
        "floats.tif": (Image.fromarray((values / 65535).astype("float32")), {}),
    }


def _turned(image):
    """The image laid on its side, with the word of the camera on that."""
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        6: Image.Transpose.ROTATE_90,
        8: Image.Transpose.ROTATE_270,
    }
    turned = {}
    for orientation, turn in turns.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        name = f"turned_{orientation}.png"
        turned[name] = (image.transpose(turn), {"exif": exif})
    return turned


def _small(image):
    return {
        "low.png": (image.resize((image.width, 31)), {}),
        "narrow.png": (image.resize((7, image.height)), {}),
        "dot.png": (image.resize((1, 1)), {}),
    }


def _noise(image):
    rng = np.random.default_rng(8)
    return Image.fromarray(rng.integers(0, 256, image.size[::-1], "uint8"))


def _deep_png(image):
    """A PNG file with 16 bits in each of three channels, which Pillow reads."""
    pixels = np.asarray(image).astype(">u2") * 257
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", *image.size, 16, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )
