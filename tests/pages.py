"""The code of README.md and of the pages of the site, found and run.

A fenced block of `bash` or `python` is run by a test, in the order of the
page. One with a title is a file of that name, of `cpp` too.
`<!-- not run: REASON -->` on the line before a block keeps it from running; it
is still read. Blocks of any other language are for the eye, such as `text`, and
`py` for what to write no longer.
"""

import ast
import builtins
import dataclasses
import importlib
import inspect
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from source import ROOT

BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<reason>[^>]+) -->\n)?"
    r"^```(?P<language>bash|python|cpp)(?: title=\"(?P<title>[^\"]+)\")?\n"
    r"(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
# Where a reader has cloned the repository.
CLONE = "kerasseg/"
# Commands of the shell that a reader runs and a test has done already.
PREPARED = (
    r"python3 -m venv \.venv",
    r"\. \.venv/bin/activate",
    r"pip (install|download) .*",
    r"export [A-Z_]+=.*",
    r"hf auth login",
)
# A compiler, and programs that the page has made.
COMPILED = r"c\+\+ .*|\./\w+ .*"


NAMED = ast.FunctionDef | ast.ClassDef | ast.ExceptHandler


@dataclasses.dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, its title, why it is not run."""

    language: str
    text: str
    title: str | None = None
    reason: str | None = None

    def lines(self):
        """The commands of a block of `bash`, one a line, without comments."""
        joined = self.text.replace("\\\n", " ")
        lines = (line.partition("  # ")[0] for line in joined.splitlines())
        stripped = (line.strip() for line in lines)
        return [line for line in stripped if line and line[0] != "#"]


def blocks(path):
    """The blocks of a page, in order."""
    text = path.read_text(encoding="utf-8")
    return [
        Block(m["language"], m["text"], m["title"], m["reason"])
        for m in BLOCK.finditer(text)
    ]


def pages():
    """README.md and every page of the site that has such blocks."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [path for path in found if blocks(path)]


# === Without running ===


def check_command(line, titles):
    """Raises where a command is none, or its verb does not know an option.

    Args:
        line: The command.
        titles: Files that the page has made before.
    """
    from kerasseg.cli.main import build_parser

    words = shlex.split(line)
    if words[0] == "kerasseg":
        arguments = build_parser().parse_args(words[1:])
        assert callable(arguments.run)
    elif line.startswith("pip install"):
        check_extras(line)
    elif words[0] == "python":
        assert words[1] in titles, f"no such file on the page: {line}"
    elif words[0] == "cp":
        source = words[1].removeprefix(CLONE)
        assert (ROOT / source).is_file(), f"no such file: {line}"
        titles.add(Path(words[1]).name)
    elif words[0] == "make":
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        assert re.search(rf"^{words[1]}\b.*:", makefile, re.MULTILINE), line
    else:
        known = any(re.fullmatch(p, line) for p in (*PREPARED, COMPILED))
        assert known, f"no test knows this command: {line}"


def check_extras(line):
    """Raises where `pip install` asks for an extra that is none."""
    settings = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    for group in re.findall(r"(?:kerasseg|\.)\[([\w,-]+)\]", line):
        for extra in group.split(","):
            assert re.search(rf"^{extra} =", settings, re.MULTILINE), line


def check_code(text):
    """Raises where code does not compile or names what kerasseg has not.

    Calls of functions of kerasseg are compared with their parameters too.
    """
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            resolve(f"{node.module}.{node.names[0].name}")
        name = dotted(node)
        if name.startswith("kerasseg."):
            resolve(name)
        if isinstance(node, ast.Call):
            called = dotted(node.func)
            if called.startswith("kerasseg."):
                _check_call(resolve(called), node)


def dotted(node):
    """`"a.b.c"` for that expression; `""` for any other."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(parts)])


def resolve(name):
    """The object of a dotted name, or the module."""
    module, *rest = name.split(".")
    value = importlib.import_module(module)
    for part in rest:
        if not hasattr(value, part):
            importlib.import_module(f"{value.__name__}.{part}")
        value = getattr(value, part)
    return value


def _check_call(function, call):
    keywords = {k.arg: None for k in call.keywords}
    if None in keywords or any(isinstance(a, ast.Starred) for a in call.args):
        return
    inspect.signature(function).bind(*call.args, **keywords)


def unknown_names(text, before=()):
    """Names that code reads and nothing has given a value.

    Args:
        text: The code.
        before: Names that earlier blocks of the page have given one.

    Returns:
        These names, and all that have a value after it.
    """
    nodes = list(ast.walk(ast.parse(text)))
    given = {*before, *dir(builtins), "__file__", "__name__"}
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            given |= {(a.asname or a.name).split(".")[0] for a in node.names}
        elif isinstance(node, NAMED):
            given.add(node.name)
        elif isinstance(node, ast.arg):
            given.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            given.add(node.id)
    read = {
        node.id
        for node in nodes
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    return sorted(read - given), given


# === Running ===


def run(path, replaced=()):
    """Runs the blocks of a page in the current folder, in order.

    Blocks of Python share their names, as in one session.

    Args:
        path: The page.
        replaced: Pairs of a text and what stands there in a test, to make
            something shorter.
    """
    names = {"__name__": "page"}
    for block in blocks(path):
        text = block.text
        for old, new in replaced:
            text = text.replace(old, new)
        if block.reason:
            continue
        if block.title:
            Path(block.title).write_text(text, encoding="utf-8")
        elif block.language == "python":
            exec(compile(text, f"{path.name}", "exec"), names)
        else:
            for line in dataclasses.replace(block, text=text).lines():
                _run_command(line)


def _run_command(line):
    from kerasseg.cli.main import main

    words = shlex.split(line)
    if words[0] == "kerasseg":
        assert main(words[1:]) == 0, line
    elif words[0] == "python":
        command = [sys.executable, *words[1:]]
        here = {**os.environ, "PYTHONPATH": str(ROOT)}
        subprocess.run(command, check=True, env=here)
    elif words[0] == "make":
        # The target exists; run, it would be these tests themselves.
        subprocess.run(["make", "-n", *words[1:]], check=True, cwd=ROOT)
    elif words[0] == "cp" or re.fullmatch(COMPILED, line):
        subprocess.run(words, check=True)
    else:
        assert any(re.fullmatch(p, line) for p in PREPARED), line
