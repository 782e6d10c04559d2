"""A tiny exported segmenter, and the programs as a user runs them."""

import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from source import ROOT

PROGRAMS = ROOT / "export"
HEIGHT, WIDTH = 40, 56
CLASSES = ("sky", "road", "car", "tree", "sign")


def _tiny_model():
    import keras
    from keras import layers

    keras.utils.set_random_seed(7)
    images = keras.Input((HEIGHT, WIDTH, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(images)
    x = layers.Conv2D(12, 5, 2, "same", activation="relu")(x)
    x = layers.UpSampling2D(2, interpolation="bilinear")(x)
    logits = layers.Conv2D(len(CLASSES), 1, kernel_initializer="orthogonal")(x)
    return keras.Model(images, logits)


def _image(rng):
    """Colored patches, so that every class gets some."""
    coarse = rng.integers(0, 256, (5, 7, 3), dtype="uint8")
    size = (WIDTH, HEIGHT)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """`tiny.onnx`, `tiny.tflite`, `image.png`, and the model itself."""
    from kerasseg.data import Labels
    from kerasseg.export import to_litert
    from kerasseg.export import to_onnx

    folder = tmp_path_factory.mktemp("exported")
    model, labels = _tiny_model(), Labels(CLASSES)
    to_onnx(model, folder / "tiny.onnx", labels=labels)
    to_litert(model, folder / "tiny.tflite", labels=labels)
    image = _image(np.random.default_rng(5))
    image.save(folder / "image.png")
    exported = SimpleNamespace(folder=folder, labels=labels, model=model)
    shares = np.bincount(_right_mask(exported, image).ravel())
    assert (shares > 40).sum() >= 3, "the mask must show several classes"
    return exported


def _right_mask(exported, image):
    """What the Keras model says of a image, in the image's size."""
    from kerasseg.inference import predict_mask

    shrunk = image.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)
    mask = predict_mask(exported.model, np.asarray(shrunk)).astype("uint8")
    large = Image.fromarray(mask)
    return np.asarray(large.resize(image.size, Image.Resampling.NEAREST))


@pytest.fixture
def right_mask(exported):
    """Function from a image to the mask of the Keras model."""
    return functools.partial(_right_mask, exported)


@pytest.fixture
def files(exported, tmp_path):
    """A copy of the exported files that a test may spoil."""
    shutil.copytree(exported.folder, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def segment(files):
    """Runs a program in the folder of the files: code, stdout, stderr."""
    blocked = files / "blocked"
    blocked.mkdir()
    for package in ("kerasseg", "keras", "tensorflow"):
        text = f"raise ImportError('{package} must not be needed')\n"
        (blocked / f"{package}.py").write_text(text)

    def segment(program, *arguments, paths=(), name="segment.py"):
        search = os.pathsep.join(map(str, (*paths, blocked)))
        result = subprocess.run(
            [sys.executable, "-W", "error", PROGRAMS / program / name]
            + [str(argument) for argument in arguments],
            cwd=files,
            env={**os.environ, "PYTHONPATH": search},
            capture_output=True,
            text=True,
            timeout=300,
        )
        return SimpleNamespace(
            code=result.returncode, out=result.stdout, err=result.stderr
        )

    return segment


@pytest.fixture
def rewrite():
    """Changes the sidecar of a file, which is hashed and sealed anew."""
    from kerasseg.export.schema import seal_of

    def rewrite(path, seal=True, **changes):
        beside = path.with_name(path.name + ".json")
        sidecar = json.loads(beside.read_text())
        sidecar["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
        for key, value in changes.items():
            if isinstance(value, dict):
                sidecar[key].update(value)
            else:
                sidecar[key] = value
        if seal:
            sidecar["seal"] = seal_of(sidecar)
        beside.write_text(json.dumps(sidecar))

    return rewrite


@pytest.fixture
def agrees(exported, files, right_mask):
    """Checks the overlay and the mask that a program wrote."""

    def agrees(image="image.png", overlay="overlay.png", mask="mask.png"):
        from kerasseg.data import read_image
        from kerasseg.data import read_mask
        from kerasseg.inference import overlay as expected_overlay

        image, found = read_image(files / image), read_mask(files / mask)
        expected = right_mask(Image.fromarray(image))
        assert found.shape == expected.shape
        assert np.mean(found == expected) > 0.998
        np.testing.assert_array_equal(
            read_image(files / overlay),
            expected_overlay(image, found, exported.labels),
        )

    return agrees


def pytest_terminal_summary(terminalreporter):
    """Says why the page was not opened, without being asked."""
    skipped = terminalreporter.stats.get("skipped", ())
    reasons = {r.longrepr[2] for r in skipped if "test_web" in r.nodeid}
    for reason in sorted(reasons):
        terminalreporter.write_line(f"test_web: {reason}")
