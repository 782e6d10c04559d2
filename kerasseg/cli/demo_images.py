"""Images that the demo draws: a street, and discs to learn.

All are the same on each run: they come from a seeded generator.
"""

STREET_SIZE = (360, 480)
DISC_SIZE = (96, 128)
DISC_CLASSES = ("background", "disc")
DISC_PALETTE = ((0, 0, 0), (230, 80, 60))

# Street drawings are made twice as large and shrunk, which softens edges as
# a lens does.
_ZOOM = 2
_VANISHING = (232, 150)


def draw_street(seed: int = 5):
    """A street as a dashboard camera might see it.

    Args:
        seed: Seed of windows, leaves and noise. Defaults to 5.

    Returns:
        `uint8` array `(360, 480, 3)`, RGB.
    """
    import numpy as np
    from PIL import Image
    from PIL import ImageDraw
    from PIL import ImageFilter

    rng = np.random.default_rng(seed)
    height, width = STREET_SIZE
    sky = np.linspace((176, 200, 226), (232, 236, 238), height * _ZOOM)
    image = Image.fromarray(
        np.repeat(sky[:, None], width * _ZOOM, axis=1).astype("uint8")
    )
    scene = _Scene(ImageDraw.Draw(image), rng)
    _buildings(scene)
    _ground(scene)
    for x, y, size in ((96, 152, 46), (372, 150, 52), (418, 158, 74)):
        _tree(scene, x, y, size)
    for x, top, foot in ((130, 60, 208), (338, 74, 196), (446, 8, 262)):
        scene.polygon([(x, top), (x + 3, top), (x + 3, foot), (x, foot)], 70)
    scene.polygon([(438, 40), (462, 40), (462, 64), (438, 64)], (46, 80, 160))
    _car(scene, 156, 206, 62, (150, 30, 34))
    _car(scene, 262, 178, 30, (60, 66, 76))
    _car(scene, 330, 232, 96, (196, 200, 204))
    _person(scene, 98, 196, 44, (52, 60, 98))
    _person(scene, 410, 206, 56, (120, 60, 50))
    image = image.filter(ImageFilter.GaussianBlur(1.6))
    image = image.resize((width, height), Image.Resampling.BOX)
    pixels = np.asarray(image, "float32")
    for cell, strength in ((1, 3.0), (3, 4.0), (24, 5.0)):
        pixels = pixels + _noise(rng, (height, width), cell) * strength
    return np.clip(pixels, 0, 255).astype("uint8")


def draw_discs(count: int, seed: int):
    """Images of shaded discs over varied backgrounds, with their masks.

    Args:
        count: How many.
        seed: Seed of all that varies.

    Returns:
        `uint8` images `(count, 96, 128, 3)` and `uint8` masks
        `(count, 96, 128)` with 0 for background and 1 for a disc.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    samples = [_disc_image(rng) for _ in range(count)]
    images, masks = zip(*samples, strict=True)
    return np.stack(images), np.stack(masks)


def _disc_image(rng):
    import numpy as np

    height, width = DISC_SIZE
    y, x = np.mgrid[:height, :width]
    low, high = rng.uniform(20, 235, (2, 3))
    angle = rng.uniform(0, 2 * np.pi)
    ramp = (np.cos(angle) * x / width + np.sin(angle) * y / height + 1) / 2
    if rng.random() < 0.5:
        ramp = np.sin(ramp * rng.uniform(8, 40)) / 2 + 0.5
    image = low + (high - low) * ramp[..., None]
    for cell in (2, 16):
        noise = _noise(rng, DISC_SIZE, cell)
        image = image + noise * rng.uniform(2, 14)
    mask = np.zeros(DISC_SIZE, "uint8")
    for _ in range(rng.integers(1, 5)):
        radius = rng.uniform(9, 24)
        row, column = rng.uniform(0, height), rng.uniform(0, width)
        distance = np.hypot(y - row, x - column) / radius
        inside = distance < 1
        lit = np.hypot(y - row + radius / 3, x - column + radius / 3) / radius
        shade = np.clip(1.25 - 0.6 * lit, 0, 1.2)[..., None]
        image = np.where(
            inside[..., None], rng.uniform(60, 250, 3) * shade, image
        )
        mask[inside] = 1
    image = image + _noise(rng, DISC_SIZE, 1) * 3
    return np.clip(image, 0, 255).astype("uint8"), mask


def _noise(rng, size, cell):
    """Gray noise `(height, width, 1)` with grains of `cell` pixels."""
    import numpy as np
    from PIL import Image

    height, width = size
    grains = rng.standard_normal((height // cell + 2, width // cell + 2))
    grains = Image.fromarray(grains.astype("float32"))
    grains = grains.resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(grains)[..., None]


class _Scene:
    """Drawing in image coordinates on a larger canvas."""

    def __init__(self, draw, rng):
        self.draw = draw
        self.rng = rng

    def polygon(self, points, color):
        self.draw.polygon(
            [(x * _ZOOM, y * _ZOOM) for x, y in points], fill=_rgb(color)
        )

    def ellipse(self, x, y, half_width, half_height, color):
        box = (x - half_width, y - half_height, x + half_width, y + half_height)
        self.draw.ellipse([side * _ZOOM for side in box], fill=_rgb(color))


def _rgb(color):
    return (color,) * 3 if isinstance(color, int) else tuple(color)


def _toward(point, share):
    """The point `share` of the way from `point` to the vanishing point."""
    return tuple(
        a + (b - a) * share for a, b in zip(point, _VANISHING, strict=True)
    )


def _buildings(scene):
    """House fronts along both sides, getting smaller toward the distance."""
    fronts = (
        (
            -60,
            -150,
            250,
            ((0.0, 0.42, 128), (0.42, 0.62, 150), (0.62, 0.8, 96)),
        ),
        (
            540,
            -110,
            250,
            ((0.0, 0.38, 112), (0.38, 0.66, 142), (0.66, 0.84, 90)),
        ),
    )
    for x, top, foot, houses in fronts:
        for start, end, tone in houses:
            corners = [
                _toward((x, y), share)
                for share, y in (
                    (start, top),
                    (end, top),
                    (end, foot),
                    (start, foot),
                )
            ]
            scene.polygon(corners, (tone, int(tone * 0.9), int(tone * 0.78)))
            _windows(scene, corners)


def _windows(scene, corners):
    (x0, top0), (x1, top1), (_, foot1), (_, foot0) = corners

    def at(across, down):
        top, foot = (
            top0 + (top1 - top0) * across,
            foot0 + (foot1 - foot0) * across,
        )
        return x0 + (x1 - x0) * across, top + (foot - top) * down

    for column in range(5):
        for row in range(6):
            left, up = 0.06 + column * 0.19, 0.05 + row * 0.15
            tone = int(scene.rng.integers(40, 90))
            quad = [
                at(left, up),
                at(left + 0.1, up),
                at(left + 0.1, up + 0.09),
                at(left, up + 0.09),
            ]
            scene.polygon(quad, (tone, tone + 6, tone + 14))


def _ground(scene):
    horizon = _VANISHING
    scene.polygon(
        [(-300, 360), (-300, 280), horizon, (780, 280), (780, 360)],
        (158, 152, 146),
    )
    scene.polygon([(-70, 360), horizon, (560, 360)], (98, 98, 102))
    for edge in (-70, 560):
        inner = edge + (10 if edge < 0 else -10)
        scene.polygon([(edge, 360), horizon, (inner, 360)], (186, 182, 176))
    for near, far in ((0.0, 0.25), (0.4, 0.55), (0.66, 0.74), (0.81, 0.86)):
        left, right = (226, 360), (240, 360)
        scene.polygon(
            [
                _toward(left, near),
                _toward(right, near),
                _toward(right, far),
                _toward(left, far),
            ],
            (214, 212, 204),
        )


def _tree(scene, x, y, size):
    half = size * 0.06
    scene.polygon(
        [
            (x - half, y - size),
            (x + half, y - size),
            (x + half, y + size * 0.75),
            (x - half, y + size * 0.75),
        ],
        (66, 54, 44),
    )
    for _ in range(90):
        dx, dy = scene.rng.normal(0, 0.36, 2) * size
        leaf = size * scene.rng.uniform(0.08, 0.2)
        tone = scene.rng.uniform(0.6, 1.25)
        color = [int(c * tone) for c in (62, 84, 48)]
        scene.ellipse(x + dx, y - size + dy, leaf, leaf * 0.8, color)


def _car(scene, x, y, size, color):
    dark = tuple(int(c * 0.55) for c in color)
    half = size / 2
    scene.ellipse(x, y + size * 0.34, half * 1.06, size * 0.07, 52)
    scene.polygon(
        [
            (x - half * 0.72, y - size * 0.36),
            (x + half * 0.72, y - size * 0.36),
            (x + half * 0.94, y),
            (x - half * 0.94, y),
        ],
        dark,
    )
    scene.polygon(
        [
            (x - half * 0.62, y - size * 0.3),
            (x + half * 0.62, y - size * 0.3),
            (x + half * 0.78, y - size * 0.04),
            (x - half * 0.78, y - size * 0.04),
        ],
        (58, 68, 80),
    )
    scene.polygon(
        [
            (x - half, y),
            (x + half, y),
            (x + half * 0.97, y + size * 0.26),
            (x - half * 0.97, y + size * 0.26),
        ],
        color,
    )
    for side in (-1, 1):
        wheel = x + side * half * 0.74
        scene.polygon(
            [
                (wheel - size * 0.08, y + size * 0.2),
                (wheel + size * 0.08, y + size * 0.2),
                (wheel + size * 0.08, y + size * 0.36),
                (wheel - size * 0.08, y + size * 0.36),
            ],
            26,
        )
        lamp = x + side * half * 0.82
        scene.ellipse(
            lamp, y + size * 0.1, size * 0.07, size * 0.05, (170, 40, 34)
        )


def _person(scene, x, y, size, color):
    scene.ellipse(
        x, y - size * 0.43, size * 0.075, size * 0.09, (176, 134, 110)
    )
    scene.polygon(
        [
            (x - size * 0.15, y - size * 0.33),
            (x + size * 0.15, y - size * 0.33),
            (x + size * 0.11, y + size * 0.08),
            (x - size * 0.11, y + size * 0.08),
        ],
        color,
    )
    for side in (-1, 1):
        foot = x + side * size * 0.09
        scene.polygon(
            [
                (x + side * size * 0.01, y + size * 0.05),
                (x + side * size * 0.11, y + size * 0.05),
                (foot + size * 0.03, y + size * 0.5),
                (foot - size * 0.05, y + size * 0.5),
            ],
            (40, 40, 46),
        )
