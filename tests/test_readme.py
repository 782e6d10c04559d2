"""The README holds what it promises: its table, its commands, its code."""

import importlib.util
import re
import shutil
import subprocess

import numpy as np
import pages
import pytest
import stand_ins
from PIL import Image
from source import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def _table_module():
    spec = importlib.util.spec_from_file_location(
        "zoo_table", ROOT / "zoo" / "table.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tables_are_those_of_today():
    module = _table_module()
    for path, tables in module.files().items():
        text = path.read_text(encoding="utf-8")
        assert text.count(module.BEGIN) == text.count(module.END) == 1
        assert module.with_tables(text, tables) == text, "run `make table`"


def test_make_targets_exist():
    make = shutil.which("make") or pytest.skip("make is not installed")
    files = (
        *("README.md", "docs/verified.md", "CONTRIBUTING.md"),
        ".github/workflows/tests.yml",
    )
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in files]
    found = re.findall(r"(?:`|: |^ *)make ([\w-]+)", "\n".join(texts), re.M)
    targets = sorted(set(found))
    assert {"demo", "lint", "test", "test-all", "web"} <= set(targets)
    dry = subprocess.run(
        [make, "--dry-run", *targets], cwd=ROOT, capture_output=True, text=True
    )
    assert not dry.returncode, dry.stderr


def test_the_workflow_runs_on_every_supported_python():
    workflow = (ROOT / ".github/workflows/tests.yml").read_text("utf-8")
    settings = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    oldest = re.search(r"python_requires = >=([\d.]+)", settings)[1]
    versions = re.search(r"python: \[(.*)\]", workflow)[1]
    assert versions.startswith(f'"{oldest}"')
    commands = re.findall(r"run: (.*)", workflow)
    assert commands
    assert all(re.fullmatch(r"make [\w-]+", line) for line in commands)


def test_extras_are_all_described():
    settings = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    section = settings.split("[options.extras_require]")[1].split("\n[")[0]
    extras = set(re.findall(r"^([\w-]+) =", section, re.M))
    table = README.split("| extra | for |")[1].split("\n\n")[0]
    rows = [row.split("|")[1] for row in table.splitlines()[2:]]
    assert set(re.findall(r"`([\w-]+)`", "".join(rows))) == extras


def _write_pair(folder, split, name, rng):
    pixels = rng.integers(0, 255, (70, 90, 3), dtype="uint8")
    ids = (pixels[..., 0] > 127).astype("uint8")
    for kind, array, suffix in (
        ("images", pixels, "jpg"),
        ("masks", ids, "png"),
    ):
        path = folder / kind / split / f"{name}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(array).save(path)


@pytest.mark.slow
@pytest.mark.export
def test_the_code_runs_as_printed(tmp_path, monkeypatch, capsys, rng):
    # On the backbone of the entry: tests/test_pages.py, at night.
    stand_ins.tiny_entry("lrr_4x", monkeypatch, tmp_path)
    monkeypatch.chdir(tmp_path)
    for split in ("train", "val"):
        for name in ("a", "b"):
            _write_pair(tmp_path / "coins", split, name, rng)
    street = np.full((72, 96, 3), 127, "uint8")
    (tmp_path / "demo").mkdir()
    Image.fromarray(street).save("demo/street.png")
    for name in ("README.md", "docs/quick_start.md"):
        for block in pages.blocks(ROOT / name):
            if block.language == "python":
                # One epoch shows as much as twenty.
                exec(block.text.replace("epochs=20", "epochs=1"), {})
    assert (tmp_path / "overlay.png").is_file()
    assert (tmp_path / "street.tflite").is_file()
    assert (tmp_path / "mine.tflite").is_file()
    assert "mask" in capsys.readouterr().out
