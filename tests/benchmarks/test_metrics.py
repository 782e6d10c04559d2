"""The benchmark of metrics counts what it times."""

import keras
import pytest


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the script's backend"
)
def test_subjects_count_the_batch(script):
    metrics = script("metrics")
    labels, logits = metrics.batch((33, 47), 5)
    metrics.check_equal(labels, logits, 5)
    subjects = metrics.subjects_of(labels, logits, 5)
    assert [name for name in subjects if name.startswith("kerasseg")] == [
        "kerasseg, at once",
        "kerasseg, in a graph",
    ]
    for run in subjects.values():
        run()


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the script's backend"
)
def test_matrices_that_differ_end_the_script(script, monkeypatch):
    metrics = script("metrics")
    labels, logits = metrics.batch((33, 47), 5)
    found = metrics.metrics(5)
    found["keras"].update_state(labels, logits)
    monkeypatch.setattr(metrics, "metrics", lambda classes: found)
    with pytest.raises(SystemExit, match="two matrices differ"):
        metrics.check_equal(labels, logits, 5)
