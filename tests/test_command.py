"""`import kerasseg` is the same wherever it runs; the command waits with it."""

import os
import subprocess
import sys

import keras
import pytest
from source import ROOT

from kerasseg.layers import BilinearUpSampling2D

pytestmark = pytest.mark.one_backend

# Prints whether the layers are registered, for the values of `sys.argv` that
# the console script, `python -m` and a user's script may leave there.
REGISTERED = """
import sys

sys.argv = {argv!r}
import kerasseg

print("kerasseg.layers" in sys.modules)
"""

# What pip writes as the console script, and work in a process of its own.
COMMAND = """
import multiprocessing
import sys

import worker
from kerasseg_command import main

if __name__ == "__main__":
    path, sys.argv[1:] = sys.argv[1], ["list"]
    main()
    print("keras" in sys.modules, "kerasseg.layers" in sys.modules)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.apply(worker.load, (path,)))
"""

WORKER = """
def load(path):
    import kerasseg
    import keras

    return type(keras.models.load_model(path).layers[-1]).__name__
"""


def run(*command, cwd=ROOT):
    # The backend that is imported in the least time.
    environment = {**os.environ, "KERAS_BACKEND": "numpy"}
    result = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=cwd,
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


@pytest.mark.by_day(1)
@pytest.mark.parametrize(
    "argv", [["kerasseg", "list"], ["/usr/bin/kerasseg"], ["-m"], []]
)
def test_the_arguments_of_the_process_change_nothing(argv):
    assert run("-c", REGISTERED.format(argv=argv)) == ["True"]


def test_a_script_that_is_called_kerasseg(tmp_path):
    script = tmp_path / "kerasseg.py"
    script.write_text(REGISTERED.format(argv=[str(script)]))
    # -P: the script is no module to import.
    assert run("-P", script, cwd=tmp_path) == ["True"]


def test_what_the_command_spawns_loads_saved_models(tmp_path):
    images = keras.Input((6, 8, 3))
    model = keras.Model(images, BilinearUpSampling2D(2)(images))
    model.save(tmp_path / "model.keras")
    (tmp_path / "kerasseg").write_text(COMMAND)
    (tmp_path / "worker.py").write_text(WORKER)
    printed = run(tmp_path / "kerasseg", tmp_path / "model.keras")
    assert printed[-2:] == ["False False", "BilinearUpSampling2D"]
