import numpy as np
import pytest
from PIL import Image

from kerasseg.data import Labels


@pytest.fixture
def labels():
    return Labels(("background", "cat", "dog"))


@pytest.fixture
def write_sample(tmp_path, rng):
    """Writes a sample into a dataset; returns its image and mask."""

    def write(name, split="train", size=(33, 47), image=True, mask=True):
        pixels = rng.integers(0, 256, (*size, 3), dtype="uint8")
        ids = rng.integers(0, 3, size, dtype="uint8")
        ids[rng.random(size) < 0.1] = 255
        for kind, wanted, content in (
            ("images", image, pixels),
            ("masks", mask, ids),
        ):
            path = tmp_path / kind / split / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            if wanted:
                Image.fromarray(content).save(path)
        return pixels, ids

    return write


@pytest.fixture
def samples(rng):
    """Seven samples of one size in memory."""
    return [
        (
            rng.integers(0, 256, (33, 47, 3), dtype="uint8"),
            np.full((33, 47), i, "uint8"),
        )
        for i in range(7)
    ]
