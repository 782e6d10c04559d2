"""Random colors and sharpness of an image."""

from collections.abc import Sequence

import numpy as np
from PIL import Image
from PIL import ImageFilter


def recolor(
    content: Sequence[Image.Image],
    brightness: float,
    contrast: float,
    saturation: float,
    gamma: float,
    rng: np.random.Generator,
) -> list[Image.Image]:
    """An image with other tones and colors.

    Args:
        content: An RGB image alone, or a gray image for each channel.
        brightness: Largest relative change of the brightness, 0 to 1.
        contrast: Largest relative change of the contrast, 0 to 1.
        saturation: Largest relative change of the colorfulness, 0 to 1, of an
            RGB image.
        gamma: Largest change of the exponent of the tone curve.
        rng: Source of the changes.

    Returns:
        New images.
    """
    limits = (brightness, contrast, saturation)
    factors = 1 + rng.uniform(-1, 1, size=3) * limits
    exponent = (1 + gamma) ** rng.uniform(-1, 1)
    if saturation and content[0].mode == "RGB":
        gray = content[0].convert("L").convert("RGB")
        content = [Image.blend(gray, content[0], factors[2])]
    if brightness or contrast or gamma:
        tones = _tone_curve(factors[0], factors[1], exponent)
        content = [
            part.point(tones * len(part.getbands())) for part in content
        ]
    return list(content)


def blur(
    content: Sequence[Image.Image], largest: float, rng: np.random.Generator
) -> list[Image.Image]:
    """A less sharp image.

    Args:
        content: An RGB image alone, or a gray image for each channel.
        largest: Largest standard deviation of the Gaussian, in pixels; half
            of the images stay sharp.
        rng: Source of the choice.

    Returns:
        New images.
    """
    sigma = largest * max(0.0, rng.uniform(-1, 1))
    if not sigma:
        return list(content)
    return [part.filter(ImageFilter.GaussianBlur(sigma)) for part in content]


def _tone_curve(brightness, contrast, exponent):
    tones = np.linspace(0.0, 1.0, 256) ** exponent * brightness
    tones = (tones - 0.5) * contrast + 0.5
    return np.clip(np.rint(tones * 255), 0, 255).astype("uint8").tolist()
