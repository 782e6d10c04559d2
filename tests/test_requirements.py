"""Every package that kerasseg imports is declared in setup.cfg."""

import ast
import configparser
import re

import pytest
from source import ROOT
from source import name_of
from source import parse
from source import sources
from test_imports import imports
from test_imports import stands_alone
from test_imports import third_party

from kerasseg.formats import FORMATS

# Modules whose distribution has another name.
DISTRIBUTIONS = {
    "PIL": "pillow",
    "ai_edge_litert": "ai-edge-litert",
    "cuda": "cuda-python",
    "onnxruntime_ep_nv_tensorrt_rtx": "onnxruntime-ep-nv-tensorrt-rtx-cu13",
    "tensorflow_datasets": "tensorflow-datasets",
}
# Functions that import the module that their first argument names.
IMPORTERS = {"require", "import_module"}


def requirements():
    """Distributions by the name of their extra; `""` for the core's."""
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg", encoding="utf-8")
    sections = {
        "": settings["options"]["install_requires"],
        **settings["options.extras_require"],
    }
    return {
        name: {
            re.match(r"[\w-]+", line)[0]
            for line in text.split("\n")
            if line and not line.startswith(("#", "kerasseg["))
        }
        for name, text in sections.items()
    }


def imported_by_name(path):
    """Modules that a file imports by a name in a string."""
    return [
        node.args[0].value
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Call)
        and IMPORTERS & {getattr(node.func, k, "") for k in ("id", "attr")}
        and node.args
        and isinstance(node.args[0], ast.Constant)
    ]


def distributions(names):
    """The distributions of dotted names of modules."""
    return {DISTRIBUTIONS.get(top, top) for top in third_party(names)}


DECLARED = requirements()


def undeclared(names_of, declared):
    """File and distribution of each import that is not declared."""
    return [
        (name_of(path), distribution)
        for path in sources()
        for distribution in distributions(names_of(path)) - declared
    ]


def test_what_is_imported_is_declared():
    def names_of(path):
        return imports(path) + imported_by_name(path)

    assert not undeclared(names_of, set().union(*DECLARED.values()))


def test_what_is_imported_at_load_is_of_the_core():
    def names_of(path):
        return [] if stands_alone(path) else imports(path, at_load=True)

    assert not undeclared(names_of, DECLARED[""])


@pytest.mark.parametrize("facts", FORMATS.values(), ids=lambda f: f.name)
def test_an_extra_brings_the_packages_of_its_format(facts):
    # The extra itself, and those of kerasseg that it names.
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg", encoding="utf-8")
    text = settings["options.extras_require"][facts.extra]
    extras = {facts.extra, *re.findall(r"kerasseg\[(\w+)\]", text)}
    brought = set().union(*(DECLARED[extra] for extra in extras))
    assert set(facts.packages) <= brought
