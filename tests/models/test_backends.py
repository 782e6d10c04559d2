"""One model, the same logits: on three backends, and in another process.

tests/zoo/test_golden.py reads one model on each backend without new processes.
"""

import importlib.util
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops
from stand_ins import randomize
from stand_ins import tiny_backbone

from kerasseg.backbones import mobilenet_v2
from kerasseg.models import lrr
from kerasseg.training import freeze_batch_normalization

SCRIPT = """
import sys
import kerasseg
import keras
import numpy as np

model = keras.models.load_model(sys.argv[1])
images = np.load(sys.argv[2])
logits = [model(images), model(images, training=True)]
np.save(sys.argv[3], [keras.ops.convert_to_numpy(x) for x in logits])
"""


@pytest.fixture(
    scope="module",
    params=["tiny", pytest.param("thin", marks=pytest.mark.nightly)],
)
def saved(request, tmp_path_factory):
    """A model file, images, and the logits of this process."""
    keras.utils.set_random_seed(1)
    folder = tmp_path_factory.mktemp("saved")
    if request.param == "tiny":
        backbone = tiny_backbone()
    else:
        backbone = mobilenet_v2(alpha=0.35)
    model = randomize(lrr(4, backbone), keep=True)
    freeze_batch_normalization(model)
    images = np.random.default_rng(1).uniform(0, 255, (2, 45, 70, 3))
    images = images.astype("float32")
    model.save(folder / "model.keras")
    np.save(folder / "images.npy", images)
    return folder, ops.convert_to_numpy(model(images))


@pytest.mark.slow
@pytest.mark.parametrize(
    "backend",
    [
        pytest.param("tensorflow", marks=pytest.mark.nightly),
        pytest.param("jax", marks=pytest.mark.nightly),
        "torch",
    ],
)
def test_a_saved_model_means_the_same_everywhere(saved, backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    folder, expected = saved
    files = [folder / "model.keras", folder / "images.npy"]
    files.append(folder / f"{backend}.npy")
    subprocess.run(
        [sys.executable, "-c", SCRIPT, *map(str, files)],
        env={**os.environ, "KERAS_BACKEND": backend},
        check=True,
    )
    spread = expected.max() - expected.min()
    assert expected.std() > 0.05 * spread > 1e-2
    for logits in np.load(files[-1]):
        assert abs(logits - expected).max() <= 1e-4 * spread
