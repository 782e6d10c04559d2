import dataclasses
import json

import pytest

from kerasseg.label_sets import NUCLEI
from kerasseg.zoo.entry import Entry

HASH = "0123456789abcdef" * 4


def make_entry(**changes):
    fields = {
        "name": "cells",
        "title": "Cells",
        "builder": "lrr",
        "labels": NUCLEI,
    }
    return Entry(**{**fields, **changes})


def test_json_round_trip():
    entry = make_entry(
        arguments={"level": "8x"},
        image_shape=(256, None, 3),
        weights="cells.safetensors",
        sha256=HASH,
        scores={"mean_iou": 0.875, "per_class_iou": [0.9, 0.85]},
    )
    assert Entry.from_json(json.loads(json.dumps(entry.to_json()))) == entry


def test_json_with_other_keys_is_refused():
    record = make_entry().to_json()
    with pytest.raises(ValueError, match="Received keys: .*surprise"):
        Entry.from_json({**record, "surprise": 1})
    del record["labels"]
    with pytest.raises(ValueError, match="must hold the keys of an entry"):
        Entry.from_json(record)


def test_is_trained_needs_a_file_and_its_hash():
    assert not make_entry().is_trained
    assert not make_entry(weights="a.safetensors").is_trained
    assert not make_entry(sha256=HASH).is_trained
    assert make_entry(weights="a.safetensors", sha256=HASH).is_trained


def test_a_download_needs_a_hash():
    url = "https://example.org/cells.safetensors"
    assert make_entry(weights=url, sha256=HASH).is_remote
    with pytest.raises(ValueError, match="`sha256` must be given"):
        make_entry(weights=url)


@pytest.mark.parametrize("bad", ["", "abc", HASH.upper(), HASH[:-1] + "g"])
def test_a_hash_must_be_one(bad):
    with pytest.raises(ValueError, match="64 lower-case hexadecimal digits"):
        make_entry(sha256=bad)


def test_entries_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError, match="name"):
        make_entry().name = "other"
