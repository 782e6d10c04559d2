"""Masks as images: class colors, overlays, and a legend."""

import numpy as np
from PIL import Image
from PIL import ImageDraw
from PIL import ImageFont

from kerasseg.data.bands import shown_bands
from kerasseg.data.pixels import check_pixels

_PAPER = (250, 250, 248)
_INK = (28, 28, 30)


def colorize(mask, palette):
    """Colors of a mask.

    Args:
        mask: Integer array `(height, width)` of class ids.
        palette: One `(red, green, blue)` in 0..255 for each class. Ids without
            a color (void) become black.

    Returns:
        `uint8` array `(height, width, 3)`, RGB.

    Raises:
        ValueError: If `mask` is not an integer array of rank 2.

    Example:

    >>> colorize([[0, 1], [1, 255]], [(0, 0, 0), (255, 0, 0)]).shape
    (2, 2, 3)
    """
    mask = _checked(mask)
    colors = np.asarray(palette, dtype="uint8").reshape(-1, 3)
    known = (mask >= 0) & (mask < len(colors))
    colored = colors[np.where(known, mask, 0)]
    colored[~known] = 0
    return colored


def overlay(image, mask, labels, alpha=0.5, legend=True, bands=None):
    """An image with the colors of its mask laid over it.

    Pixels whose id is no class (void) keep the colors of the image.

    Args:
        image: `uint8` or float array `(height, width, channels)` in 0..255,
            RGB if there are three.
        mask: Integer array `(height, width)` of class ids.
        labels: `kerasseg.data.Labels`: the names and the palette.
        alpha: Share of the class color, in 0..1. Defaults to `0.5`.
        legend: Whether to add a strip below the image with the color and the
            name of each class present, and which bands are shown of an image
            that is neither gray nor RGB. Defaults to `True`.
        bands: Three channels to show as red, green and blue, or one to show
            as gray, counted from 1. Defaults to `None`: the first three, or
            the first.

    Returns:
        `PIL.Image.Image`, RGB.

    Raises:
        ValueError: If `alpha` is not in 0..1, `image` and `mask` differ in
            size, the image has no such `bands`, or the pixels are not in
            0..255.

    Example:

    >>> mask = kerasseg.inference.predict_mask(model, image)
    >>> overlay(image, mask, kerasseg.data.CAMVID).save("street.png")
    """
    if not 0 <= alpha <= 1:
        raise ValueError(f"`alpha` must be in 0..1. Received: alpha={alpha}")
    image = np.asarray(image)
    mask = _checked(mask)
    if image.ndim != 3 or image.shape[:2] != mask.shape or not image.shape[2]:
        raise ValueError(
            "`image` must be (height, width, channels) with the height and "
            "width of `mask`. "
            f"Received: image.shape={image.shape}, mask.shape={mask.shape}"
        )
    image, said = shown_bands(image, bands)
    check_pixels(image)
    classes = (mask >= 0) & (mask < labels.num_classes)
    if image.dtype == "uint8":
        ids = np.where(classes, mask, labels.num_classes)
        blended = _looked_up(image, ids, labels.palette, alpha)
    else:
        share = np.where(classes, alpha, 0.0)[..., np.newaxis]
        colors = colorize(mask, labels.palette)
        blended = _rounded(image * (1 - share) + colors * share)
    result = Image.fromarray(blended)
    if not legend:
        return result
    present = [int(i) for i in np.unique(mask[classes])]
    if not (present or said):
        return result
    items = [(tuple(labels.palette[i]), labels.class_names[i]) for i in present]
    return _with_legend(result, items + [(None, said)] * bool(said))


def _looked_up(image, ids, palette, alpha):
    """The blended colors from a table, in a third of the time.

    The id after the last is void.
    """
    levels = np.arange(256)
    blended = np.empty(image.shape, "uint8")
    for channel in range(3):
        colors = np.asarray(palette).reshape(-1, 3)[:, channel, np.newaxis]
        table = _rounded(levels * (1 - alpha) + colors * alpha)
        table = np.vstack([table, levels.astype("uint8")])
        places = 256 * ids + image[..., channel]
        np.take(table.ravel(), places, out=blended[..., channel])
    return blended


def _rounded(colors):
    return np.clip(colors + 0.5, 0, 255).astype("uint8")


def _checked(mask):
    """`mask` as an integer array of rank 2."""
    mask = np.asarray(mask)
    if mask.ndim != 2 or mask.dtype.kind not in "iu":
        raise ValueError(
            "`mask` must be an integer array `(height, width)`. "
            f"Received: mask.shape={mask.shape}, mask.dtype={mask.dtype}"
        )
    return mask.astype("int64")


def _with_legend(image, items):
    """`image` above a strip of swatches and names, wrapped to its width.

    An item without a color has no swatch.
    """
    text = min(32, max(12, image.width // 32))
    font = ImageFont.load_default(text)
    gap = text // 2
    widths = [
        (text + gap) * (color is not None)
        + int(font.getlength(name))
        + 2 * gap
        for color, name in items
    ]
    width = max(image.width, max(widths) + 2 * gap)
    spots, x, y = [], gap, gap
    for item in widths:
        if x + item > width and x > gap:
            x, y = gap, y + text + gap
        spots.append((x, y))
        x += item
    canvas = Image.new("RGB", (width, image.height + y + text + gap), _PAPER)
    canvas.paste(image, (0, 0))
    draw = ImageDraw.Draw(canvas)
    for (color, name), (x, y) in zip(items, spots, strict=True):
        y += image.height
        if color is not None:
            box = (x, y, x + text, y + text)
            draw.rectangle(box, fill=color, outline=_INK)
            x += text + gap
        place = (x, y + text // 2)
        draw.text(place, name, fill=_INK, font=font, anchor="lm")
    return canvas
