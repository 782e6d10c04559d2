"""The programs and their READMEs, as they are written."""

import ast
import re
import shlex

import pytest
from source import ROOT

PROGRAMS = ROOT / "export"
SEGMENT = sorted(PROGRAMS.glob("*/segment.py"))
FOLDERS = sorted(p.parent for p in PROGRAMS.glob("*/README.md"))
OWN = {"parse", "open_model"}

# What the programs print, line by line.
PRINTED = (
    r"\S+\.(onnx|tflite): (onnx|litert) \w+",
    r"runtime: .+",
    r"latency: \d+\.\d ms, median of \d+",
    r" *\d+\.\d % [\w ]+",
    r"wrote \S+",
    r"http://127\.0\.0\.1:8000/ until Ctrl-C",
)


def name_of(path):
    return path.name if path.is_dir() else path.parent.name


def blocks(folder, language):
    """The fenced blocks of a README."""
    text = (folder / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def functions(path):
    """The source of each function that all programs should share."""
    text = path.read_text(encoding="utf-8")
    found = {
        node.name: ast.unparse(node)
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef)
    }
    shared = text.index("# From here on")
    return {
        name: source
        for name, source in found.items()
        if text.index(f"def {name}(") > shared
    }


def test_every_program_is_known():
    assert len(SEGMENT) == 6
    assert {p.parent for p in SEGMENT} < set(FOLDERS)


@pytest.mark.parametrize("path", SEGMENT, ids=name_of)
def test_the_programs_differ_in_their_runtime_only(path):
    expected = functions(SEGMENT[0])
    assert {"main", "prepare", "class_ids", "overlay"} <= set(expected)
    assert functions(path) == expected


@pytest.mark.parametrize("path", SEGMENT, ids=name_of)
def test_the_packages_are_those_that_it_names(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    (needs,) = re.findall(r'^NEEDS = "(.*)"$', path.read_text(), re.M)
    top = {"numpy", "PIL"}
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            name = getattr(node, "module", None) or node.names[0].name
            top.add(name.partition(".")[0])
    import sys

    assert top - set(sys.stdlib_module_names) == {"numpy", "PIL"}
    for package in ("numpy", "pillow"):
        assert package in needs


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_the_readme_shows_a_command_and_its_output(folder):
    (command, *_) = blocks(folder, "bash")
    assert command.strip()
    (output,) = blocks(folder, "text")
    for line in output.splitlines():
        assert any(re.fullmatch(p, line) for p in PRINTED), line


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_the_files_that_commands_name_exist(folder):
    for block in blocks(folder, "bash"):
        for line in block.replace("\\\n", "").splitlines():
            words = shlex.split(line, comments=True)
            names = [w for w in words if re.search(r"\.(py|sh)$", w)]
            assert all((folder / name).is_file() for name in names), line


@pytest.mark.parametrize("name", ["tensorrt", "tensorrt_rtx_python", "triton"])
def test_what_is_untested_says_so(name):
    text = (PROGRAMS / name / "README.md").read_text(encoding="utf-8")
    assert "**Untested" in text
