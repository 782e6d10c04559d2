"""The programs read gray and multi-band images as kerasseg does."""

import functools
import json
import shutil
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image
from source import ROOT
from source import load_program

from kerasseg.data import ImageReadError
from kerasseg.data import Labels
from kerasseg.data import read_image
from kerasseg.data import read_mask
from kerasseg.inference import overlay
from kerasseg.inference import predict_mask
from kerasseg.page.site import STATIC

pytestmark = [pytest.mark.slow, pytest.mark.export]

SIZE = (40, 56)
PROGRAMS = sorted(path.parent.name for path in ROOT.glob("export/*/segment.py"))
CLASSES = ("sky", "road", "car", "tree")
FILES = pytest.mark.parametrize(
    ("program", "suffix"),
    [("litert_python", ".tflite"), ("onnxruntime_python", ".onnx")],
)


def _model(channels):
    keras.utils.set_random_seed(7)
    images = keras.Input((*SIZE, channels))
    x = layers.Rescaling(1 / 127.5, offset=-1)(images)
    x = layers.Conv2D(12, 5, 2, "same", activation="relu")(x)
    x = layers.UpSampling2D(2, interpolation="bilinear")(x)
    logits = layers.Conv2D(len(CLASSES), 1, kernel_initializer="orthogonal")(x)
    return keras.Model(images, logits)


@functools.cache
def _image(channels):
    rng = np.random.default_rng(5)
    planes = rng.integers(0, 256, (channels, 5, 7), dtype="uint8")
    return np.dstack(
        [
            Image.fromarray(p).resize(SIZE[::-1], Image.Resampling.BICUBIC)
            for p in planes
        ]
    )


@pytest.fixture(scope="session", params=[1, 5])
def bands(request, tmp_path_factory):
    """Exported files of a model for so many channels, and an image."""
    from kerasseg.export import to_litert
    from kerasseg.export import to_onnx

    channels = request.param
    folder = tmp_path_factory.mktemp(f"bands{channels}")
    model, labels = _model(channels), Labels(CLASSES)
    to_onnx(model, folder / "tiny.onnx", labels=labels)
    to_litert(model, folder / "tiny.tflite", labels=labels)
    np.save(folder / "image.npy", _image(channels))
    return SimpleNamespace(
        folder=folder, model=model, labels=labels, channels=channels
    )


@pytest.fixture
def files(bands, tmp_path):
    shutil.copytree(bands.folder, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.mark.by_day(4)
@FILES
@pytest.mark.parametrize("options", [(), ("--tiles",)])
def test_the_mask_is_that_of_the_model(
    segment, bands, files, program, suffix, options
):
    argv = (f"tiny{suffix}", "image.npy", "--mask=mask.png", "--runs=1")
    result = segment(program, *argv, *options)
    assert result.code == 0, result.err
    image, mask = _image(bands.channels), read_mask(files / "mask.png")
    assert np.mean(mask == predict_mask(bands.model, image)) > 0.998
    told = "overlay: bands 1, 2, 3" in result.out
    assert told == (bands.channels == 5)
    shown = overlay(
        image[..., :3] if bands.channels > 1 else image, mask, bands.labels
    )
    np.testing.assert_array_equal(
        read_image(files / "overlay.png"), np.asarray(shown)
    )


@FILES
def test_images_of_other_channels(segment, bands, files, program, suffix, rng):
    color = rng.integers(0, 256, (*SIZE, 3), dtype="uint8")
    Image.fromarray(color).save(files / "color.png")
    result = segment(program, f"tiny{suffix}", "color.png")
    assert result.code == 2
    wanted = f"has 3 bands, and the model takes {bands.channels}"
    assert wanted in result.err
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_pixels_are_those_of_kerasseg(tmp_path, program, rng):
    read = load_program(f"{program}/segment.py").read_image
    shapes = {"L": (40, 56), "LA": (40, 56, 2), "RGB": (40, 56, 3)}
    shapes["RGBA"] = (40, 56, 4)
    for mode, shape in shapes.items():
        pixels = rng.integers(0, 256, shape, dtype="uint8")
        Image.fromarray(pixels, mode).save(tmp_path / f"{mode}.png")
    gray = rng.integers(0, 256, (40, 56, 1), dtype="uint8")
    Image.fromarray(np.repeat(gray, 3, 2)).save(tmp_path / "equal.png")
    for count in (1, 4, 7):
        deep = rng.integers(0, 65536, (40, 56, count), dtype="uint16")
        np.save(tmp_path / f"{count}.npy", deep)
    np.save(tmp_path / "floats.npy", rng.random((40, 56, 3)))
    agreed = 0
    for path in sorted(tmp_path.iterdir()):
        for channels in (1, 2, 3, 4, 7):
            try:
                expected = read_image(path, channels)
            except ImageReadError:
                with pytest.raises(ValueError, match="bands|floats"):
                    read(path, channels)
                continue
            agreed += 1
            np.testing.assert_array_equal(read(path, channels), expected)
    assert agreed > 9


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_the_page_says_what_it_cannot_read(bands, tmp_path):
    import subprocess

    content = json.loads((bands.folder / "tiny.onnx.json").read_text())
    shutil.copy(STATIC / "model.js", tmp_path / "model.mjs")
    (tmp_path / "sidecar.json").write_text(json.dumps(content))
    shutil.copy(bands.folder / "tiny.onnx", tmp_path)
    (tmp_path / "page.mjs").write_text(PAGE)
    answer = subprocess.run(
        ["node", "page.mjs"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    if bands.channels == 5:
        assert "takes images of 5 channels; a browser has" in answer.stdout
    else:
        colors = "The image has colors, and the model takes gray images."
        assert answer.stdout.splitlines() == ["2240 values", colors]


PAGE = """
import { readFileSync } from "node:fs";
import { openModel, run } from "./model.mjs";
globalThis.ImageData = class {
  constructor(width, height) {
    this.data = new Uint8ClampedArray(4 * width * height);
  }
};
class Tensor {
  constructor(dtype, data) { this.data = data; }
}
const session = {
  async run({ images }) {
    if (!session.told) console.log(`${images.data.length} values`);
    session.told = true;
    return { logits: { data: [0, 1], dims: [1, 1, 1, 2] } };
  },
};
const ort = { Tensor, InferenceSession: { create: async () => session } };
try {
  const content = readFileSync("tiny.onnx");
  const model = await openModel(
    ort, new Uint8Array(content).buffer,
    JSON.parse(readFileSync("sidecar.json", "utf-8")),
  );
  const image = new ImageData(56, 40);
  image.data[0] = 9;
  await run(model, image);
} catch (error) {
  console.log(error.message);
}
"""
