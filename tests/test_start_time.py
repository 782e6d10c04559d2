"""What starts with the command and with `import kerasseg`, and what not.

The times themselves are measured by benchmarks/start_time.py.
"""

import os
import subprocess
import sys

import pytest
from source import ROOT

HEAVY = (
    "keras",
    "tensorflow",
    "jax",
    "torch",
    "numpy",
    "PIL",
    "rich",
    "safetensors",
)


# The backend that is imported in the least time.
LIGHT = {"KERAS_BACKEND": "numpy"}


def _run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def _loaded_by(arguments, printed="usage: kerasseg"):
    """Run the command; the heavy packages that were imported."""
    result = _run(
        "-c",
        "import sys\n"
        f"sys.argv = ['kerasseg', *{arguments!r}]\n"
        "from kerasseg_command import main\n"
        "code = main()\n"
        f"loaded = [m for m in {HEAVY!r} if m in sys.modules]\n"
        "print(loaded, file=sys.stderr)\n"
        "sys.exit(code)\n"
    )
    assert result.returncode == 0, result.stderr
    assert printed in result.stdout
    return result.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "arguments", [["--help"], ["predict", "--help"], ["export", "--help"]]
)
def test_help_loads_nothing_heavy(arguments):
    assert _loaded_by(arguments) == "[]"


@pytest.mark.parametrize("arguments", [["list"], ["info", "lrr_4x"]])
def test_records_are_shown_without_keras(arguments):
    loaded = _loaded_by(arguments, "lrr_4x")
    assert set(loaded.strip("[]").replace("'", "").split(", ")) <= {"numpy"}


def test_python_m_kerasseg_is_the_command():
    result = _run("-m", "kerasseg", "--help", **LIGHT)
    assert result.stdout.startswith("usage: kerasseg ")


def test_import_registers_what_saved_models_need():
    result = _run(
        "-c",
        "import sys, kerasseg\n"
        "late = ['zoo', 'export', 'training', 'models', 'data', 'cli']\n"
        "late = [m for m in late if f'kerasseg.{m}' in sys.modules]\n"
        "assert not late, late\n"
        "import keras\n"
        "find = keras.saving.get_registered_object\n"
        "for name in ('BoundaryMask', 'SegmentationLoss', 'MeanIoU'):\n"
        "    assert find(f'kerasseg>{name}'), name\n",
        **LIGHT,
    )
    assert result.returncode == 0, result.stderr


def test_doctor_works_where_no_backend_is_installed():
    result = _run(
        "-c",
        "import importlib.abc, sys\n"
        "gone = ('tensorflow', 'jax', 'torch')\n"
        "class Missing(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in gone:\n"
        "            raise ModuleNotFoundError(name, name=name)\n"
        "import importlib.util\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *a: (\n"
        "    None if name in gone else find(name, *a))\n"
        "sys.meta_path.insert(0, Missing())\n"
        "sys.argv = ['kerasseg', 'doctor']\n"
        "from kerasseg_command import main\n"
        "sys.exit(main())\n"
    )
    assert "Traceback" not in result.stderr
    assert "kerasseg[tensorflow]" in result.stdout + result.stderr
