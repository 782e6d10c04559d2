"""Random arrays, and VGG-16 with a sixteenth of its channels."""

import importlib

import published_files
import pytest
from imported_models import CLASSES
from imported_models import UPSAMPLINGS
from imported_models import dense

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


@pytest.fixture
def heads(array, classifier):
    """Kernels and biases of the 1x1 convolutions of FCN-8s."""
    channels = {
        "score_fr": classifier["fc7"][1].size,
        "score_pool4": classifier["conv4_3"][1].size,
        "score_pool3": classifier["conv3_3"][1].size,
    }
    return {
        name: (array(1, 1, count, CLASSES), array(CLASSES))
        for name, count in channels.items()
    }


@pytest.fixture
def caffe_fcn(tmp_path, make, classifier, heads):
    """A function that writes FCN-8s as Caffe has it."""

    def write(change=None, border=100, more=(), **form):
        arrays = {
            name: [kernel.transpose(3, 2, 0, 1), bias]
            for name, (kernel, bias) in {**classifier, **heads}.items()
        }
        # The published kernel reads B, G, R.
        arrays["conv1_1"][0] = arrays["conv1_1"][0][:, ::-1]
        layers = {name: ("Convolution", x) for name, x in arrays.items()}
        for name, size in UPSAMPLINGS.items():
            layers[name] = ("Deconvolution", [dense(size)])
        for name, layer in (change or {}).items():
            layers[name] = layer
            if layer is None:
                del layers[name]
        made = [
            make.caffe_layer(
                name,
                kind,
                x,
                settings=[(3, border)] if name == "conv1_1" else (),
                **form,
            )
            for name, (kind, x) in layers.items()
        ]
        return make.caffemodel(tmp_path / "fcn.caffemodel", *made, *more)

    return write
