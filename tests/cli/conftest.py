from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from kerasseg.cli.main import main

CLASSES = ("red", "green", "blue")
PALETTE = ((255, 0, 0), (0, 255, 0), (0, 0, 255))


@pytest.fixture
def run(capsys):
    """Runs a command in this process: exit code, stdout, stderr."""

    def run(*argv):
        code = main([str(argument) for argument in argv])
        captured = capsys.readouterr()
        return SimpleNamespace(code=code, out=captured.out, err=captured.err)

    return run


@pytest.fixture(scope="session")
def channels_entry(tmp_path_factory):
    """A saved model whose class is the brightest of the three channels."""
    import keras

    from kerasseg import zoo
    from kerasseg.data import Labels

    pixels = keras.Input((None, None, 3))
    logits = keras.layers.Conv2D(3, 1, use_bias=False, name="logits")(pixels)
    model = keras.Model(pixels, logits, name="channels")
    model.set_weights([np.eye(3, dtype="float32").reshape(1, 1, 3, 3)])
    folder = tmp_path_factory.mktemp("zoo") / "channels"
    zoo.save(model, folder, labels=Labels(CLASSES, PALETTE))
    return folder


@pytest.fixture
def image_folder(tmp_path, rng):
    """A folder with two images of different sizes and a text file."""
    folder = tmp_path / "images"
    folder.mkdir()
    for name, shape in (("a.png", (33, 47, 3)), ("b.png", (64, 40, 3))):
        image = rng.integers(0, 256, shape, dtype="uint8")
        Image.fromarray(image).save(folder / name)
    (folder / "notes.txt").write_text("no image")
    return folder


@pytest.fixture
def brightest_data(tmp_path, rng):
    """A dataset whose masks are the brightest channels, but for void."""
    root = tmp_path / "brightest"
    for kind in ("images", "masks"):
        (root / kind / "test").mkdir(parents=True)
    for index in range(3):
        image = rng.integers(0, 256, (33, 47, 3), dtype="uint8")
        mask = image.argmax(-1).astype("uint8")
        mask[:4] = 255
        Image.fromarray(image).save(root / f"images/test/{index}.png")
        Image.fromarray(mask).save(root / f"masks/test/{index}.png")
    return root
