"""Whatever the image is, the programs see what kerasseg sees, or refuse it.

The programs run in this process: a runtime starts for each image.
"""

import sys

import numpy as np
import pytest
from odd_images import write_odd_images
from PIL import Image
from source import ROOT
from source import load_program

from kerasseg.data import ImageReadError
from kerasseg.data import read_image
from kerasseg.data import read_mask
from kerasseg.inference import predict_mask

pytestmark = [pytest.mark.slow, pytest.mark.export]

PROGRAMS = sorted(path.parent.name for path in ROOT.glob("export/*/segment.py"))
RUNTIMES = {
    "litert_python": "tiny.tflite",
    "onnxruntime_python": "tiny.onnx",
    "openvino_python": "tiny.onnx",
}
REFUSED = {
    *("cut.png", "flipped.png", "text.png", "floats.tif"),
    *("wide.tif", "negative.tif", "low.png", "narrow.png", "dot.png"),
}


@pytest.fixture(scope="module")
def odd_images(exported):
    """The folder of the images; the exported files lie beside it."""
    folder = exported.folder / "odd"
    names = write_odd_images(folder, Image.open(exported.folder / "image.png"))
    assert set(names) > REFUSED
    assert len(names) > 40
    return folder


@pytest.fixture(scope="module")
def expected(exported, odd_images):
    """The mask of the Keras model for each image, or None."""

    def mask_of(path):
        try:
            return predict_mask(exported.model, path)
        except ValueError:
            return None

    return {path.name: mask_of(path) for path in sorted(odd_images.iterdir())}


def test_kerasseg_reads_and_refuses_what_it_should(expected):
    found = {name for name, mask in expected.items() if mask is None}
    assert found == REFUSED
    for name, mask in expected.items():
        assert mask is None or len(np.unique(mask)) >= 3, name


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_pixels_are_those_of_kerasseg(odd_images, program):
    read = load_program(f"{program}/segment.py").read_image
    for path in sorted(odd_images.iterdir()):
        small = path.name in ("low.png", "narrow.png", "dot.png")
        try:
            pixels = None if small else read_image(path)
        except ImageReadError:
            pixels = None
        if pixels is None:
            with pytest.raises((ValueError, OSError)):
                read(path)
        else:
            np.testing.assert_array_equal(read(path), pixels, path.name)


@pytest.mark.parametrize("program", RUNTIMES)
def test_the_masks_are_those_of_kerasseg(
    exported, odd_images, expected, program, monkeypatch, tmp_path, capsys
):
    if program == "openvino_python":
        pytest.importorskip("openvino")
    module = load_program(f"{program}/segment.py")
    file, mask = exported.folder / RUNTIMES[program], tmp_path / "mask.png"
    options = ["--out", str(tmp_path / "overlay.png"), "--mask", str(mask)]
    for name, right in expected.items():
        mask.unlink(missing_ok=True)
        argv = ["segment.py", str(file), str(odd_images / name), *options]
        monkeypatch.setattr(sys, "argv", [*argv, "--runs", "1"])
        code = module.main()
        told = capsys.readouterr().err
        assert code == (2 if right is None else 0), told
        assert told.count("\n") == (right is None), told
        assert mask.exists() == (right is not None)
        if right is not None:
            assert np.mean(read_mask(mask) == right) > 0.998, name
