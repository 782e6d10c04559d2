"""`kerasseg train --hosts`: two processes of this machine train together.

By day, tests/training/test_rendezvous.py has threads in their places.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from safetensors.numpy import load_file
from source import ROOT

from kerasseg.cli import hosts

RECIPE = """
import os
import signal
import time

import keras
import numpy as np

import kerasseg
from kerasseg.data import Labels

calls = 0


class Drawings:
    labels = Labels(("red", "green", "blue"))

    def __len__(self):
        return 12

    def __getitem__(self, index):
        rng = np.random.default_rng(index)
        image = rng.integers(0, 256, (10, 14, 3), dtype="uint8")
        return image, image.argmax(-1).astype("uint8")


def flip(image, mask, rng):
    global calls
    calls += 1
    if calls == int(os.environ.get("DIE_AT", "0")):
        os.kill(os.getpid(), signal.SIGKILL)
    step = 1 if rng.random() < 0.5 else -1
    return image[:, ::step], mask[:, ::step]


def model():
    pixels = keras.Input((None, None, 3))
    hidden = keras.layers.Rescaling(1 / 255)(pixels)
    hidden = keras.layers.Conv2D(8, 3, padding="same")(hidden)
    return keras.Model(pixels, keras.layers.Conv2D(3, 1)(hidden))


def recipe():
    return kerasseg.training.Recipe(
        name="drawings",
        labels=Drawings.labels,
        train=Drawings,
        validation=Drawings,
        model=model,
        loss=kerasseg.losses.SegmentationLoss(normalization="image"),
        epochs=4,
        batch_size=4,
        augmentation=flip,
        optimizer=lambda steps: keras.optimizers.SGD(0.1, momentum=0.9),
    )
"""


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "recipe.py"
    path.write_text(RECIPE)
    return path


@pytest.fixture
def address():
    with socket.create_server(("", 0)) as probe:
        return f"localhost:{probe.getsockname()[1]}"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--process-id", "0"], "--hosts and --process-id go together"),
        (["--hosts", "a:1,b:2"], "--hosts and --process-id go together"),
        (["--wait-for-hosts", "5"], "--wait-for-hosts is for --hosts"),
        (["--hosts", "a,b:2", "--process-id", "0"], "addresses HOST:PORT"),
        (["--hosts", "a:1,b:2", "--process-id", "2"], "must be from 0 to 1"),
        (
            [*("--hosts", "a:1,b:2", "--process-id", "0")]
            + ["--wait-for-hosts", "0"],
            "--wait-for-hosts must be above 0",
        ),
    ],
)
def test_options_that_make_no_sense(run, recipe, tmp_path, argv, message):
    result = run("train", recipe, "--out", tmp_path / "run", *argv)
    assert result.code == 2
    assert message in result.err
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="it runs on JAX")
def test_another_backend_is_refused(run, recipe, tmp_path):
    argv = ("--hosts", "a:1,b:2", "--process-id", "0")
    result = run("train", recipe, "--out", tmp_path / "run", *argv)
    assert result.code == 2
    assert "set KERAS_BACKEND=jax. Received: the backend" in result.err


@pytest.mark.every_backend
@pytest.mark.skipif(keras.backend.backend() != "jax", reason="it runs on JAX")
def test_hosts_that_never_come_up(run, recipe, tmp_path, address):
    argv = ("--hosts", f"{address},b:2", "--wait-for-hosts", "0.2")
    for process, absent in ((0, "process 1 (b:2)"), (1, "process 0 (local")):
        result = run(
            *("train", recipe, "--out", tmp_path / "run", *argv),
            *("--process-id", process),
        )
        assert result.code == 1
        assert f"Waited 0.2 seconds for {absent}" in result.err


@pytest.mark.parametrize("finished", [False, True])
def test_a_lost_process_ends_this_one(tmp_path, finished, capfd, monkeypatch):
    codes = []
    monkeypatch.setattr(hosts.os, "_exit", codes.append)
    if finished:
        (tmp_path / "last.npz").touch()
    hosts._give_up("process 1 (b:2) has gone", tmp_path / "last.npz")
    assert codes == [1]
    text = capfd.readouterr().err
    assert "kerasseg: process 1 (b:2) has gone; " in text
    assert ("start all processes again with --resume" in text) is finished
    assert ("no epoch was finished" in text) is not finished


def start(recipe, out, *argv, **environment):
    command = [sys.executable, "-m", "kerasseg", "train", str(recipe)]
    return subprocess.Popen(
        [*command, "--out", str(out), *argv],
        env={
            **os.environ,
            "KERAS_BACKEND": "jax",
            "PYTHONPATH": str(ROOT),
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(processes, seconds=300):
    """Exit codes and what was printed."""
    try:
        printed = [p.communicate(timeout=seconds)[0] for p in processes]
    finally:
        for process in processes:
            process.kill()
    return [process.returncode for process in processes], printed


def start_two(recipe, out, address, *argv, dying=None, at=0):
    return [
        start(
            recipe,
            out,
            *("--hosts", f"{address},localhost:1", "--process-id", str(index)),
            *argv,
            DIE_AT=str(at if index == dying else 0),
        )
        for index in (0, 1)
    ]


def weights(out):
    (path,) = Path(out, "model").glob("*.safetensors")
    return load_file(path)


def check_equal(out, other):
    expected, found = weights(out), weights(other)
    assert set(expected) == set(found)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-5)


@pytest.fixture
def one(recipe, tmp_path):
    """The folder of a training in one process."""
    pytest.importorskip("jax")
    codes, printed = finish([start(recipe, tmp_path / "one")])
    assert codes == [0], printed
    return tmp_path / "one"


@pytest.mark.nightly
def test_two_processes_equal_one(recipe, tmp_path, address, one):
    codes, printed = finish(start_two(recipe, tmp_path / "two", address))
    assert codes == [0, 0], printed
    assert f"trained: {tmp_path / 'two' / 'model'}" in printed[0]
    assert "trained" not in printed[1]
    check_equal(one, tmp_path / "two")


@pytest.mark.nightly
@pytest.mark.parametrize("dying", [0, 1])
def test_a_killed_process(recipe, tmp_path, address, one, dying):
    out = tmp_path / "two"
    # Two of four images of each of three batches are a process's own: in the
    # second epoch.
    processes = start_two(recipe, out, address, dying=dying, at=11)
    processes[dying].wait(300)
    began = time.monotonic()
    codes, printed = finish(processes, 60)
    assert time.monotonic() - began < 60
    assert codes[dying] == -signal.SIGKILL
    assert codes[1 - dying] == 1
    assert f"kerasseg: process {dying} (localhost:" in printed[1 - dying]
    assert f"{out / 'last.npz'} holds the last fin" in printed[1 - dying]

    codes, printed = finish(start_two(recipe, out, address, "--resume"))
    assert codes == [0, 0], printed
    check_equal(one, out)
