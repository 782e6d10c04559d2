"""The site: its pages, its links to files, what its reference shows."""

import ast
import importlib
import os
import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
from source import PACKAGE
from source import PUBLIC
from source import ROOT
from source import load_file
from source import parse
from source import public_objects

pytestmark = pytest.mark.one_backend

DOCS = ROOT / "docs"
SETTINGS = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
REFERENCE = DOCS / "reference"


def test_every_page_is_in_the_navigation_once():
    nav = SETTINGS.split("\nnav:\n")[1]
    listed = re.findall(r"^ *- (?:[^:\n]+: )?([\w./-]+\.md)$", nav, re.M)
    pages = [p.relative_to(DOCS).as_posix() for p in DOCS.rglob("*.md")]
    assert sorted(listed) == sorted(pages)


def _in_source(name):
    """Where the site finds a name: a module of that name would hide it."""
    file = ROOT / "kerasseg" / (name.replace(".", "/") + ".py")
    return f"{name}.{name.rpartition('.')[2]}" if file.is_file() else name


def test_the_reference_shows_every_public_name_once():
    names = {key: [] for key in PUBLIC}
    for name, _ in public_objects():
        names[name.partition(".")[0]].append(_in_source(name))
    for key, expected in names.items():
        page = (REFERENCE / f"{key}.md").read_text(encoding="utf-8")
        shown = re.findall(r"^::: kerasseg\.(\S+)$", page, re.M)
        assert sorted(shown) == sorted(expected)
    index = (REFERENCE / "index.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\]\((\w+)\.md\)", index)) == set(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_the_source_alone_tells_the_public_names(name):
    tree = parse(PACKAGE / name / "__init__.py")
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    public = importlib.import_module(f"kerasseg.{name}").__all__
    assert set(public) <= imported, "under TYPE_CHECKING, if they come late"


def _rewritten(markdown, repository, uri="a/page.md"):
    hook = load_file(DOCS / "links.py")
    page = SimpleNamespace(file=SimpleNamespace(src_uri=uri))
    config = SimpleNamespace(
        config_file_path=str(ROOT / "mkdocs.yml"), repo_url=repository
    )
    return hook.on_page_markdown(markdown, page, config, None)


def test_links_to_files_of_the_repository():
    text = "[the programs](../../export), [`Makefile`](../../Makefile#L1)"
    assert _rewritten(text, "https://host/name/") == (
        "[the programs](https://host/name/blob/main/export), "
        "[`Makefile`](https://host/name/blob/main/Makefile#L1)"
    )
    assert _rewritten(text, "") == "the programs (`export`), `Makefile`"
    pages = "[tiles](../tiles.md#memory) ![plot](plot.png) [x](https://a.b/c)"
    assert _rewritten(pages, "") == pages


def test_the_first_page_is_the_readme():
    text = _rewritten("", "https://host/name", "index.md")
    assert text.startswith("# kerasseg\n")
    assert "](tutorial.md)" in text
    assert "](readme.png)" in text
    assert "](https://host/name/blob/main/export)" in text


def test_the_cards_are_pages():
    text = "[a](../zoo/gdn/README.md#scores), [b](../zoo/gdn/recipe.py)"
    assert _rewritten(text, "", "page.md") == (
        "[a](cards/gdn.md#scores), b (`zoo/gdn/recipe.py`)"
    )
    text = "[a](../../docs/export.md), [b](../lrr_4x/README.md)"
    assert _rewritten(text, "", "cards/lrr_8x.md") == (
        "[a](../export.md), [b](lrr_4x.md)"
    )


def test_a_link_to_a_file_that_is_gone_is_a_warning(caplog):
    _rewritten("[the programs](../exports/old.py)", "", "page.md")
    assert caplog.messages == ["page.md: no such file: exports/old.py"]


def test_docstrings_are_filled_as_at_import():
    pytest.importorskip("griffe")
    from kerasseg.export.arguments import ARGUMENTS

    extension = load_file(DOCS / "docstrings.py")
    assert extension.explanations() == ARGUMENTS
    example = "Example:\n    >>> f(\n    ... 1)\n    2\n\nEnd."
    text = f"Args:\n    {{{{opset}}}}\n\n{example}"
    filled = extension.with_explanations(text, {"opset": "A number."})
    assert extension.with_fences(filled) == (
        "Args:\n    opset: A number.\n\nExample:\n    ```pycon\n"
        "    >>> f(\n    ... 1)\n    2\n    ```\n\nEnd."
    )


def _build(folder, tmp_path):
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict"]
        + ["--site-dir", str(tmp_path / "site")],
        cwd=folder,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )


@pytest.mark.nightly
def test_the_site_builds_and_a_broken_anchor_fails_it(tmp_path):
    pytest.importorskip("mkdocs")
    copy = tmp_path / "copy"
    skipped = shutil.ignore_patterns(".*", "node_modules", "runs", "weights")
    shutil.copytree(ROOT, copy, ignore=skipped)
    built = _build(copy, tmp_path)
    assert not built.returncode, built.stderr
    page = (tmp_path / "site/reference/layers/index.html").read_text("utf-8")
    assert 'id="kerasseg.layers.DLC"' in page
    with (copy / "docs" / "tiles.md").open("a", encoding="utf-8") as file:
        file.write("\n[there](crf.md#no-such-heading)\n")
    broken = _build(copy, tmp_path)
    assert broken.returncode
    assert "no-such-heading" in broken.stderr
