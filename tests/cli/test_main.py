import errno
import importlib
import io
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

import numpy as np
import pytest

from kerasseg import labels
from kerasseg.cli import list as list_verb
from kerasseg.cli.errors import Failure
from kerasseg.cli.errors import UsageError
from kerasseg.cli.main import VERBS
from kerasseg.files import atomic_file

# What the console script does.
COMMAND = "import sys; from kerasseg_command import main; sys.exit(main())"


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
    # A line that is joined with the next one is too long.
    _, _, examples = result.out.partition("\nexamples:\n")
    assert all(len(line) <= 80 for line in examples.splitlines())


def test_help_imports_nothing_heavy():
    code = (
        "import sys\n"
        "sys.argv = ['kerasseg', '--help']\n"
        "from kerasseg_command import main\n"
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
        (("--yaml",), "required: VERB (see kerasseg --help)"),
        (("--yaml", "list"), "arguments: --yaml (see kerasseg --help)"),
        (("list", "--yaml"), "arguments: --yaml (see kerasseg list --help)"),
        (
            ("predict", "lrr_4x", "a.jpg", "--crf", "steps=x"),
            "unrecognized arguments: steps=x (see kerasseg predict --help)",
        ),
        (
            ("data", "check", "camvid", "--yaml"),
            "arguments: --yaml (see kerasseg data check --help)",
        ),
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
        (UsageError("no such\n file"), 2, "kerasseg: no such file\n"),
        (Failure("not exported"), 1, "kerasseg: not exported\n"),
        (KeyboardInterrupt(), 130, "kerasseg: interrupted\n"),
        (
            ImportError('pip install "kerasseg[onnx]"'),
            2,
            'kerasseg: pip install "kerasseg[onnx]"\n',
        ),
        (ImportError("no x"), 2, "kerasseg: no x. What is missing and how to"),
        (ImportError("no x."), 2, "kerasseg: no x. What is missing and how"),
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


def test_sigterm_cleans_up(run, monkeypatch, tmp_path):
    def write(args):
        with atomic_file(tmp_path / "half.txt") as temporary:
            temporary.write_text("half")
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)

    monkeypatch.setattr(list_verb, "run", write)
    result = run("list")
    assert result.code == 143
    assert result.err == "kerasseg: terminated\n"
    assert not list(tmp_path.iterdir())
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_the_checks_of_kerasseg_are_usage_errors(run, monkeypatch):
    monkeypatch.setattr(list_verb, "run", lambda args: labels.Labels(("sky",)))
    result = run("list")
    assert result.code == 2
    assert result.err.startswith("kerasseg: `class_names` must")
    assert result.err.count("\n") == 1


@pytest.mark.parametrize(
    "fail",
    [
        lambda args: int("one"),
        lambda args: np.zeros(3).reshape(2),
        lambda args: {}["a"],
        lambda args: args.nothing,
        lambda args: importlib.import_module("kerasseg.nothing"),
    ],
)
def test_a_fault_is_reported_as_one(run, monkeypatch, tmp_path, fail):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(list_verb, "run", fail)
    result = run("list")
    assert result.code == 3
    assert result.err.count("\n") == 1
    assert "this is a fault of kerasseg, not yours: " in result.err
    (path,) = tmp_path.iterdir()
    assert f"the traceback in {path}" in result.err
    assert path.read_text().startswith("Traceback (most recent call last):")


def test_the_traceback_is_printed_on_request(run, monkeypatch):
    def fail(args):
        raise UsageError("no such file")

    monkeypatch.setenv("KERASSEG_DEBUG", "1")
    monkeypatch.setattr(list_verb, "run", fail)
    result = run("list")
    assert result.code == 2
    assert result.err.startswith("Traceback (most recent call last):")
    assert result.err.endswith("kerasseg: no such file\n")


def test_a_fault_is_reported_where_no_file_can_be_kept(run, monkeypatch):
    monkeypatch.setattr(list_verb, "run", lambda args: args.nothing)
    monkeypatch.setattr(tempfile, "mkstemp", Full().write)
    result = run("list")
    assert result.code == 3
    assert "with this traceback:\nTraceback (most recent" in result.err


class Full(io.StringIO):
    """A file on a disk that is full."""

    def write(self, *text):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Gone(io.StringIO):
    """A pipe whose reader has gone."""

    def write(self, text):
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


@pytest.mark.parametrize("argv", [("--help",), ("--version",), ("data",)])
def test_a_full_disk_or_a_closed_pipe_is_no_traceback(run, monkeypatch, argv):
    monkeypatch.setattr(sys, "stdout", Full())
    result = run(*argv)
    assert result.code == 2
    expected = "kerasseg: cannot write the output: No space left on device\n"
    assert result.err == expected
    monkeypatch.setattr(sys, "stdout", Gone())
    result = run(*argv)
    assert (result.code, result.err) == (0, "")
    monkeypatch.setattr(sys, "stdout", None)
    assert run("data").code == 0


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        (("--help",), 2, "cannot write the output: No space left on device"),
        (("data",), 2, "cannot write the output: No space left on device"),
    ],
)
def test_a_full_disk_in_a_process_of_its_own(argv, code, message):
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            [sys.executable, "-c", COMMAND, *argv],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert result.returncode == code
    assert result.stderr == f"kerasseg: {message}\n"


def test_an_unknown_backend_is_one_line():
    result = subprocess.run(
        [sys.executable, "-c", COMMAND, "predict", "bilinear", "setup.cfg"],
        env={**os.environ, "KERAS_BACKEND": "nonsense"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 2
    assert "the backend 'nonsense', which there is not" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_missing_backend_is_one_line():
    code = (
        "import importlib.util as u\n"
        "import sys\n"
        "find = u.find_spec\n"
        "u.find_spec = lambda name, *a: (\n"
        "    None if name in ('tensorflow', 'jax', 'torch')\n"
        "    else find(name, *a))\n"
        "sys.argv = ['kerasseg', 'predict', 'bilinear', 'x']\n"
        "from kerasseg_command import main\n"
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
