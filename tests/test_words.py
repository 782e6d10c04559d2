"""One spelling and one word for each thing, in code, texts and help."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SUFFIXES = {".py", ".md", ".cfg", ".toml", ".cc", ".h", ".js", ".html", ".sh"}
SKIPPED = {".git", ".venv", "node_modules", "build", "dist", "site", "golden"}

# Names that others gave.
ALLOWED = r"no_top_int8_dequantised\.h5"

# Spelling of Keras' own API: what not to write, and what to write.
SPELLING = {
    r"(initial|normal|quant|optim|serial|general|summar|real"
    r"|organ|recogn|minim|maxim|random|visual|standard|regular|local|custom"
    r"|special|parametr|categor|synchron|util|equal)is"
    r"(e|es|ed|er|ers|ing|ation|ations)(?![a-z])": "-ize",
    r"artefact": "artifact",
    r"colour": "color",
    r"(?<![a-z])grey": "gray",
    r"neighbour": "neighbor",
    r"behaviour": "behavior",
    r"(?<![a-z])favour": "favor",
    r"honour": "honor",
    r"(?<![a-z])centre": "center",
    r"(?<![a-z])centred": "centered",
    r"licence": "license",
    r"judgement": "judgment",
    r"(label|model|cancel|travel)l(ed|ing)(?![a-z])": "one l",
    r"(?<![a-z])towards(?![a-z])": "toward",
    r"\bdata\s+sets?\b": "dataset",
}

# One word of the field for each thing.
WORDS = {
    r"pictures?(?![a-z])": "image",
    r"photographs?(?![a-z])": "image",
    r"trunks?(?![a-z])": "backbone",
    r"the authors'|authors' code": "the reference implementation",
    r"real numbers?(?![a-z])|(?<![a-z])reals(?![a-z])": "float",
    r"(?<![a-z])doubts(?![a-z])": "warnings",
    r"(?<![a-z])mends?(?![a-z])": "fix",
    r"prove[ds]?(?![a-z])|proven(?!a)": "verify",
}


def _texts():
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        if path.suffix not in SUFFIXES and path.name != "Makefile":
            continue
        if SKIPPED.isdisjoint(parts) and path != Path(__file__):
            yield "/".join(parts), path.read_text(encoding="utf-8")


def _offenders(words, texts):
    for name, text in texts:
        text = re.sub(ALLOWED, "", text)
        for banned, better in words.items():
            for match in re.finditer(banned, text, re.IGNORECASE):
                line = text.count("\n", 0, match.start()) + 1
                yield f"{name}:{line}: {match.group()!r}, better: {better}"


def test_the_words():
    assert not list(_offenders({**SPELLING, **WORDS}, _texts()))


@pytest.mark.parametrize(
    "text",
    ["an initialiser", "Normalisation", "colours", "a data\n    set", "GREY"],
)
def test_an_offender_is_named_with_its_line(text):
    assert list(_offenders(SPELLING, [("a.md", f"one\n{text}")]))


def test_other_words_are_no_offenders():
    words = "raise, otherwise, precise, promise, noise, layerwise, four, egrey"
    assert not list(_offenders(SPELLING, [("a.md", words)]))
