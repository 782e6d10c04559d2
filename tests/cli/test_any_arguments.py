"""Whatever is typed after any verb, nobody gets to see a traceback.

The verbs run in this process, on models of a few weights. What takes minutes
behind a verb (conversion, measuring, training) is replaced: the way there,
from the words to the call, is what is tested.
"""

import argparse
import contextlib
import io
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from PIL import Image

from kerasseg.cli.main import VERBS
from kerasseg.cli.main import build_parser
from kerasseg.cli.main import main

NUMBERS = ("0", "1", "-1", "3", "1e999", "inf", "nan", "0.75", "²", "9" * 5000)
TEXTS = (
    "",
    " ",
    "\0",
    "\x1b[2J",
    "\udcff",
    "a" * 300,
    "-",
    "--",
    "*",
    "[",
    "a/b",
)
PATHS = (
    *("~nobody-of-that-name/a", "/proc/a", "/dev/full", "/dev/null/a", ".."),
    *("none", "none/*.png", "image.png", "image.png/a", "images", "*.png"),
    *("loop", "pipe", "cut.png", "text.png", "model", "broken", "deep"),
    *("data", "lists", "ids", "net.onnx", "new/file.json", "files"),
    *("recipe.py", "wrong.py", "unreadable.py", "list.json"),
)
NAMES = ("camvid", "nuclei", "lrr_5x", "train", "test", "val", "train+test")
USUAL = {
    "info": ("model",),
    "predict": ("model", "image.png", "--out", "new"),
    "train": ("recipe.py", "--out", "new"),
    "evaluate": ("model", "--data", "data"),
    "export": ("model", "--to", "onnx", "--image-shape", "33x47"),
    "verify": ("net.onnx", "--against", "model"),
    "benchmark": ("net.onnx",),
    "serve": ("model", "--image-shape", "33x47", "--port", "0"),
    "data": ("nuclei",),
    "import": ("net.caffemodel", "--entry", "fcn_8s_vgg16"),
}
WORDS = st.one_of(
    st.sampled_from(PATHS),
    st.sampled_from(NAMES),
    st.sampled_from(NUMBERS),
    st.sampled_from(TEXTS),
    st.sampled_from(("33x47", "8x8", "0x0", "²x²", "model")),
    st.text("ab.x-é\n ", max_size=5),
)


@pytest.fixture(scope="module")
def arena(channels_entry, tmp_path_factory):
    """A folder with a bit of everything, right and wrong."""
    root = tmp_path_factory.mktemp("arena")
    image = np.random.default_rng(3).integers(0, 256, (33, 47, 3), "uint8")
    for folder in ("images", "data/images/test", "data/masks/test", "files"):
        (root / folder).mkdir(parents=True)
    for name in ("image.png", "images/a.png", "data/images/test/0.png"):
        Image.fromarray(image).save(root / name)
    mask = Image.fromarray(image.argmax(-1).astype("uint8"))
    mask.save(root / "data/masks/test/0.png")
    for name in ("lists", "ids", "deep"):
        shutil.copytree(root / "data", root / name)
    names = '{"class_names": [["a"], {"b": 1}, 3], "palette": NaN}'
    (root / "lists/labels.json").write_text(names)
    (root / "deep/labels.json").write_text("[" * 100_000)
    Image.new("L", (47, 33), 77).save(root / "ids/masks/test/0.png")
    whole = (root / "image.png").read_bytes()
    (root / "cut.png").write_bytes(whole[:900])
    (root / "text.png").write_text("no image")
    shutil.copytree(channels_entry, root / "model")
    shutil.copytree(channels_entry, root / "broken")
    (root / "broken/entry.json").write_text('{"labels": [[]], "builder": 3}')
    (root / "net.onnx").write_bytes(b"onnx")
    (root / "net.caffemodel").write_bytes(b"\x0a\x03net\xa2\x06\x7f")
    (root / "net.onnx.json").write_text("[" * 100_000)
    (root / "list.json").write_text("[]")
    (root / "recipe.py").write_text("def recipe(): return 3")
    (root / "wrong.py").write_text("import none\ndef recipe(:")
    (root / "unreadable.py").symlink_to("/proc/self/mem")
    (root / "loop").symlink_to("loop")
    os.mkfifo(root / "pipe")
    return root


@pytest.fixture(scope="module", autouse=True)
def _quick(arena):
    """Leaves out what takes long behind a verb."""
    from kerasseg import benchmark
    from kerasseg import export
    from kerasseg import page
    from kerasseg import training
    from kerasseg.cli import demo
    from kerasseg.cli import doctor
    from kerasseg.cli.errors import Failure

    def fail(*args, **kwargs):
        raise Failure("not in this test")

    def refuse(*args, **kwargs):
        raise export.ExportError("not in this test")

    def stop(*args, **kwargs):
        raise FloatingPointError("not in this test")

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERASSEG_DATA", str(arena))
        patch.setenv("TMPDIR", str(arena))
        for form in ("saved_model", "litert", "onnx", "openvino", "tensorrt"):
            patch.setattr(export, f"to_{form}", refuse)
        patch.setattr(benchmark, "measure", fail)
        patch.setattr(page, "runtime_files", lambda folder: {})
        patch.setattr(page.Server, "serve_forever", fail)
        patch.setattr(training, "fit", stop)
        patch.setattr(doctor, "_checks", lambda backend: [])
        patch.setattr(demo, "segment", fail)
        yield


def options_of(verb):
    """The option strings of a verb, with how many values each takes."""
    (verbs,) = (
        action.choices
        for action in build_parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    return [
        (name, action)
        for action in verbs[verb]._actions
        for name in action.option_strings
    ]


@st.composite
def command_lines(draw, verb):
    """What is usually typed after a verb, changed here and there."""
    words = list(USUAL.get(verb, ()))
    for place in draw(st.sets(st.sampled_from(range(8)), max_size=2)):
        if place < len(words) and not words[place].startswith("--"):
            words[place] = draw(WORDS)
    words += draw(st.lists(WORDS, max_size=1))
    known = st.sampled_from(options_of(verb))
    for name, action in draw(st.lists(known, max_size=2)):
        choices = list(action.choices or ())
        value = st.sampled_from(choices) if choices else WORDS
        count = 0 if action.nargs == 0 else draw(st.integers(0, 2))
        words += [name, *(draw(value) for _ in range(min(count, 1)))]
        words += [draw(WORDS) for _ in range(count - 1)]
    return [verb, *words]


def run(argv, folder):
    out, err = io.StringIO(), io.StringIO()
    before = Path.cwd()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(argv)
    finally:
        os.chdir(before)
    return code, out.getvalue(), err.getvalue()


def check(argv, arena):
    code, out, err = run(argv, arena)
    assert code in (0, 1, 2), (argv, err)
    for text in (out, err):
        assert "Traceback" not in text
        assert "\x1b" not in text
    if code == 2:
        last = err.splitlines()[-1]
        assert last.startswith("kerasseg: "), (argv, err)
        assert not last.startswith("kerasseg: [Errno"), (argv, err)


@pytest.mark.by_day(4)
@pytest.mark.parametrize("verb", VERBS)
def test_no_words_end_in_a_traceback(arena, verb):
    @settings(
        max_examples=40,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(command_lines(verb))
    def some(argv):
        check(argv, arena)

    some()


@pytest.mark.nightly
@pytest.mark.parametrize("verb", VERBS)
def test_no_words_end_in_a_traceback_at_night(arena, verb):
    @settings(
        max_examples=1800,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(command_lines(verb))
    def many(argv):
        check(argv, arena)

    many()


@pytest.mark.parametrize("word", [*PATHS, *NAMES, *TEXTS, "tfds:", "tfds:a/b"])
def test_no_target_of_a_check_ends_in_a_traceback(arena, word):
    check(["data", "check", word, "--html", "page.html"], arena)
    check(["data", "check", word, "--quick", "--json"], arena)
