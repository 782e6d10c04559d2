"""A damaged `labels.json` is refused, or means what it says."""

import json

import numpy as np
import pytest
from damage import draw
from damage import edits
from damage import same

from kerasseg.data import Labels
from kerasseg.data.places import _read_labels

LABELS = Labels(
    ("sky", "road", "car"),
    ((0, 0, 0), (128, 0, 0), (0, 128, 0)),
    ignore_classes=(255, 9),
    id_map={7: 0, 8: 1, 255: 255},
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "labels.json"


def refused(path, content):
    """Whether the labels are refused; if not, they mean what they say."""
    path.write_bytes(content)
    try:
        labels = _read_labels(path)
    except ValueError as error:
        message = str(error)
        assert "labels.json" in message
        return True
    told = json.loads(content)
    found = labels.to_json()
    # What is left out or empty has a usual value.
    told = {"palette": found["palette"], "id_map": {}, **told}
    told["palette"] = told["palette"] or found["palette"]
    if "ignore_classes" not in told:
        assert found.pop("ignore_classes") == [255]
    elif sorted(set(told["ignore_classes"])) == found["ignore_classes"]:
        assert all(type(i) is int for i in told["ignore_classes"])
        del told["ignore_classes"], found["ignore_classes"]
    assert same(told, {"id_map": {}, **found})
    return False


def test_what_is_written_is_read(path):
    assert not refused(path, json.dumps(LABELS.to_json()).encode())
    assert _read_labels(path) == LABELS


@pytest.mark.one_backend
def test_edits_of_one_field(path):
    passed = set()
    for where, edited in edits(LABELS.to_json()):
        text = json.dumps(edited).encode("utf-8", "surrogatepass")
        if not refused(path, text):
            passed.add(where[0])
    assert passed == {"class_names", "palette", "ignore_classes", "id_map"}


@pytest.mark.one_backend
@pytest.mark.parametrize(
    "cases",
    [range(400), pytest.param(range(20_000), marks=pytest.mark.nightly)],
)
def test_damaged_labels(path, cases):
    passed = 0
    for case in cases:
        rng = np.random.default_rng([20160, case])
        try:
            passed += not refused(path, draw(LABELS.to_json(), rng))
        except Exception as error:
            error.add_note(f"case {case}")
            raise
    assert 0 < passed < 0.5 * len(cases)
