import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def paint(tmp_path, rng):
    """Writes an image, or a mask of some ids, below the folder of the test."""

    def write(path, ids=None, size=(21, 34), palette=None):
        path = tmp_path / path
        path.parent.mkdir(parents=True, exist_ok=True)
        if ids is None:
            pixels = rng.integers(0, 256, (*size, 3), dtype="uint8")
        else:
            pixels = rng.choice(np.array(ids, "uint8"), size)
        image = Image.fromarray(pixels)
        if palette is not None:
            image = Image.frombytes("P", size[::-1], pixels.tobytes())
            image.putpalette(palette)
        image.save(path)
        return pixels

    return write


@pytest.fixture
def write_list(tmp_path):
    """Writes a text file of some lines."""

    def write(path, *lines):
        path = tmp_path / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    return write
