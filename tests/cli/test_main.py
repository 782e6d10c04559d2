import re
import subprocess
import sys

import pytest

from kerasseg.cli import list as list_verb
from kerasseg.cli.main import VERBS
from kerasseg.cli.main import main
from kerasseg.cli.mistakes import Failure
from kerasseg.cli.mistakes import UserMistake


def test_help_names_every_verb(run):
    result = run("--help")
    assert result.code == 0
    for verb in VERBS:
        assert re.search(rf"^ {{4}}{verb}\s", result.out, re.MULTILINE)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(run, verb):
    result = run(verb, "--help")
    assert result.code == 0
    assert result.out.startswith(f"usage: kerasseg {verb}")


def test_help_imports_nothing_heavy():
    code = (
        "import sys\n"
        "sys.argv = ['kerasseg', '--help']\n"
        "from kerasseg.cli.main import main\n"
        "main()\n"
        "heavy = {'keras', 'numpy', 'PIL', 'tensorflow', 'rich'}\n"
        "sys.exit(bool(heavy & set(sys.modules)))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=False
    )
    assert result.returncode == 0, result.stderr


def test_version(run):
    from kerasseg import __version__

    assert run("--version").out == f"kerasseg {__version__}\n"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ((), "required: VERB"),
        (("segment",), "invalid choice: 'segment'"),
        (("list", "--yaml"), "unrecognized arguments: --yaml"),
        (("predict", "lrr_4x"), "required: IMAGE"),
        (("export", "lrr_4x", "--to", "caffe"), "invalid choice: 'caffe'"),
    ],
)
def test_a_mistyped_command_is_one_line_and_exit_code_2(run, argv, message):
    result = run(*argv)
    assert result.code == 2
    assert result.out == ""
    assert result.err.count("\n") == 1
    assert message in result.err
    assert "--help" in result.err


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UserMistake("no such\n file"), 2, "kerasseg: no such file\n"),
        (Failure("not exported"), 1, "kerasseg: not exported\n"),
        (KeyboardInterrupt(), 130, "kerasseg: interrupted\n"),
        (
            ImportError('pip install "kerasseg[onnx]"'),
            2,
            'kerasseg: pip install "kerasseg[onnx]"\n',
        ),
        (ImportError("no x"), 2, "kerasseg: no x. What is missing and how to"),
    ],
)
def test_what_a_verb_raises_decides_the_exit_code(
    run, monkeypatch, error, code, message
):
    def fail(args):
        raise error

    monkeypatch.setattr(list_verb, "run", fail)
    result = run("list")
    assert result.code == code
    assert result.err.startswith(message)
    assert result.err.count("\n") == 1


def test_bugs_keep_their_traceback(monkeypatch):
    def fail(args):
        raise ValueError("a bug")

    monkeypatch.setattr(list_verb, "run", fail)
    with pytest.raises(ValueError, match="a bug"):
        main(["list"])


def test_a_missing_backend_is_one_line():
    code = (
        "import importlib.util as u\n"
        "import sys\n"
        "find = u.find_spec\n"
        "u.find_spec = lambda name, *a: (\n"
        "    None if name in ('tensorflow', 'jax', 'torch')\n"
        "    else find(name, *a))\n"
        "sys.argv = ['kerasseg', 'list']\n"
        "from kerasseg.cli.main import main\n"
        "sys.exit(main())\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={"KERAS_BACKEND": "tensorflow"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert 'pip install "kerasseg[tensorflow]"' in result.stderr
    assert result.stderr.count("\n") == 1
