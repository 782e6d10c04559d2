"""Random arrays, and VGG-16 with a sixteenth of its channels."""

import importlib

import published_files
import pytest

BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
THINNER = 16


@pytest.fixture
def array(rng):
    """A function that draws float32 arrays of a shape."""

    def draw(*shape):
        return rng.normal(size=shape).astype("float32")

    return draw


@pytest.fixture
def make():
    """The writers of files."""
    return published_files


@pytest.fixture
def thin(monkeypatch):
    """All of VGG-16 with a sixteenth of its channels."""
    for name in ("vgg16", "vgg16_large_fov"):
        module = importlib.import_module(f"kerasseg.backbones.{name}")
        convolution = module.convolution

        def thinner(filters, *rest, convolution=convolution, **more):
            return convolution(filters // THINNER, *rest, **more)

        monkeypatch.setattr(module, "convolution", thinner)


@pytest.fixture
def classifier(array):
    """Kernels (height, width, in, out) and biases of the thin VGG-16."""
    found, channels = {}, 3
    for block, (filters, depth) in enumerate(BLOCKS, start=1):
        for index in range(1, depth + 1):
            filters_here = filters // THINNER
            found[f"conv{block}_{index}"] = (
                array(3, 3, channels, filters_here),
                array(filters_here),
            )
            channels = filters_here
    wide = 4096 // THINNER
    found["fc6"] = (array(7, 7, channels, wide), array(wide))
    found["fc7"] = (array(1, 1, wide, wide), array(wide))
    return found
