"""A damaged record of a saved folder is refused, or means what it says."""

import json

import numpy as np
import pytest
from damage import draw
from damage import edits
from damage import same

from kerasseg import zoo
from kerasseg.labels import Labels
from kerasseg.zoo.record import read_record

LABELS = Labels(("sky", "road", "car", "tree", "pole"), ignore_classes=(9,))


@pytest.fixture
def folder(tmp_path, trained):
    zoo.save(trained, tmp_path / "mine", LABELS)
    return tmp_path / "mine"


def refused(folder, content):
    """Whether `entry.json` is refused; if not, it means what it says."""
    (folder / "entry.json").write_bytes(content)
    try:
        zoo.info(folder)
    except zoo.WeightsError as error:
        message = str(error)
        assert "entry.json" in message
        assert len(message) < 2000
        return True
    told = json.loads(content)
    # An id that stands there twice is ignored once.
    told["labels"]["ignore_classes"] = sorted(
        set(told["labels"]["ignore_classes"])
    )
    assert same(read_record(folder).to_json(), told)
    return False


def check_load(folder):
    """Files and record fit each other, or that is told."""
    try:
        model = zoo.load(folder)
    except zoo.WeightsError:
        return
    assert model.output_shape[-1] == 5


@pytest.mark.one_backend
def test_edits_of_one_field(folder):
    record = json.loads((folder / "entry.json").read_text())
    accepted = []
    for path, edited in edits(record):
        text = json.dumps(edited).encode("utf-8", "surrogatepass")
        if not refused(folder, text):
            accepted.append((path, edited))
    assert accepted
    # What a file can say of itself and still be of this schema.
    free = {"title", "keras_version", "parameters", "image_shape", "labels"}
    named = {"architecture", "weights"}
    hashed = {f"{name}_sha256" for name in named}
    assert {path[0] for path, _ in accepted} <= free | named | hashed
    for _, edited in accepted[:: len(accepted) // 12]:
        (folder / "entry.json").write_text(json.dumps(edited))
        check_load(folder)


@pytest.mark.one_backend
@pytest.mark.parametrize(
    "cases",
    [range(400), pytest.param(range(20_000), marks=pytest.mark.nightly)],
)
def test_damaged_records(folder, cases):
    record = json.loads((folder / "entry.json").read_text())
    passed = 0
    for case in cases:
        rng = np.random.default_rng([20160, case])
        try:
            if not refused(folder, draw(record, rng)):
                passed += 1
                if passed % 10 == 0:
                    check_load(folder)
        except Exception as error:
            error.add_note(f"case {case}")
            raise
    assert 0 < passed < 0.5 * len(cases)
