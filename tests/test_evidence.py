"""Every trained entry has its recipe, its card and its measurements."""

import hashlib
import json
import re

import pytest
from source import PACKAGE
from source import ROOT

from kerasseg import zoo

EVIDENCE = ROOT / "zoo"
WEIGHTS = PACKAGE / "zoo" / "weights"
MEGABYTE = 1024 * 1024

TRAINED = [n for n in zoo.names() if zoo.info(n).is_trained]
PACKAGED = [n for n in TRAINED if not zoo.info(n).is_remote]
# Folders of scores whose models are no entries.
OTHERS = sorted(
    {path.parent.name for path in EVIDENCE.glob("*/*.json")} - {*zoo.names()}
)

# A number as a card prints one: with decimals, or with thousands apart.
NUMBER = re.compile(r"(?<![\w.])(\d{1,3}(?:,\d{3})+|\d+\.\d+)(?![\w.]*\d)")


def metrics(name):
    path = EVIDENCE / name / "metrics.json"
    return json.loads(path.read_text(encoding="utf-8"))


def recorded(name):
    """All numbers that were measured of an entry."""
    return [
        number
        for path in (EVIDENCE / name).glob("*.json")
        for number in numbers(json.loads(path.read_text(encoding="utf-8")))
    ]


def numbers(value):
    """All numbers in a JSON value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [n for item in value for n in numbers(item)]
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return [value] if plain else []


def cited(card):
    """The measured numbers that a card prints: those in its table rows."""
    rows = [r for r in card.splitlines() if r.lstrip().startswith("|")]
    return [match[1] for row in rows for match in NUMBER.finditer(row)]


def is_recorded(printed, values):
    """Whether a printed number is a value, rounded as it is printed.

    A fraction may be printed in per cent, a count in millions.
    """
    _, _, decimals = printed.partition(".")
    target = float(printed.replace(",", ""))
    return any(
        abs(value * scale - target) <= 0.5000001 * 10.0 ** -len(decimals)
        for value in values
        for scale in (1, 100, 1e-6)
    )


def test_numbers_of_a_card_are_found():
    card = "| lrr | 68.4 % | 2,345,678 | v1.2.3 |\nThe rate was 0.001.\n"
    assert cited(card) == ["68.4", "2,345,678"]
    values = numbers({"mean_iou": 0.68391, "n": [2345678, None, True]})
    assert is_recorded("68.4", values)
    assert not is_recorded("68.5", values)
    assert is_recorded("2.35", values)
    assert not is_recorded("2,345,679", values)


@pytest.mark.parametrize("name", TRAINED)
@pytest.mark.parametrize("file", ["recipe.py", "README.md", "metrics.json"])
def test_the_evidence_is_there(name, file):
    assert (EVIDENCE / name / file).is_file()


@pytest.mark.parametrize("name", OTHERS)
def test_evidence_of_no_entry_says_so(name):
    card = (EVIDENCE / name / "README.md").read_text(encoding="utf-8")
    assert "not an entry" in card


@pytest.mark.parametrize("name", TRAINED + OTHERS)
def test_the_card_cites_only_what_was_measured(name):
    card = (EVIDENCE / name / "README.md").read_text(encoding="utf-8")
    values = recorded(name)
    assert cited(card), "the card shows no table of scores"
    unknown = [n for n in cited(card) if not is_recorded(n, values)]
    assert not unknown


@pytest.mark.parametrize("name", TRAINED)
def test_the_measurements_say_how_they_were_made(name):
    measured = metrics(name)
    assert measured["entry"] == name
    assert measured["weights_sha256"] == zoo.info(name).sha256
    assert re.fullmatch(r"[0-9a-f]{40}", measured["commit"])
    assert measured["command"].startswith("kerasseg evaluate ")
    for key in ("data", "split", "images", "protocol", "date", "parameters"):
        assert measured[key], key
    assert len(measured["per_class_iou"]) == zoo.info(name).num_classes
    assert 0 < measured["mean_iou"] <= 1


def test_records_name_no_place_on_a_machine():
    found = list(EVIDENCE.glob("*/*.json"))
    assert found
    for path in found:
        command = json.loads(path.read_text(encoding="utf-8")).get("command")
        assert not re.search(r"(^|\s)[/~]", command or ""), path


def test_scores_at_several_scales_are_of_the_packaged_weights():
    found = list(EVIDENCE.glob("*/multi_scale.json"))
    assert found
    for path in found:
        measured = json.loads(path.read_text(encoding="utf-8"))
        assert measured["entry"] == path.parent.name
        assert measured["weights_sha256"] == zoo.info(path.parent.name).sha256
        assert "--scales" in measured["command"]
        assert measured["images"] == metrics(path.parent.name)["images"]


@pytest.mark.parametrize("name", zoo.names())
def test_the_packaged_scores_repeat_the_measurements(name):
    scores = zoo.info(name).scores
    assert bool(scores) == (name in TRAINED)
    if scores:
        assert {"mean_iou", "boundary_f1"} <= set(scores)
        assert scores == {key: metrics(name)[key] for key in scores}


@pytest.mark.parametrize("name", PACKAGED)
def test_the_packaged_weights_are_the_ones_named(name):
    entry = zoo.info(name)
    content = (WEIGHTS / entry.weights).read_bytes()
    assert hashlib.sha256(content).hexdigest() == entry.sha256


def test_every_packaged_file_belongs_to_an_entry():
    known = {zoo.info(name).weights for name in PACKAGED}
    assert {path.name for path in WEIGHTS.iterdir()} <= known


def test_files_are_small():
    folders = (PACKAGE, EVIDENCE, ROOT / "tests", ROOT / "benchmarks")
    large = [
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and path.stat().st_size > 20 * MEGABYTE
    ]
    assert not large
