import re

import pytest

from kerasseg import zoo
from kerasseg.score_titles import score_title


@pytest.mark.parametrize("name", zoo.names())
def test_every_entry_prints(run, name):
    result = run("info", name)
    assert result.code == 0
    assert result.out.split(maxsplit=2)[:2] == ["entry", name]
    for key in zoo.info(name).scores:
        assert f"{score_title(key)}: " in result.out
    for class_name in zoo.info(name).labels.class_names:
        assert f"  {class_name}\n" in result.out


def test_a_saved_model_prints(run, channels_entry):
    result = run("info", channels_entry)
    assert result.code == 0
    assert "#00ff00  green" in result.out
    trained = re.findall(r"trained at +(.*)", result.out)
    assert trained == ["-"]


def test_an_unknown_entry_names_the_closest(run):
    result = run("info", "lrr4x")
    assert result.code == 2
    assert "Did you mean 'lrr_4x'?" in result.err
    assert result.err.count("\n") == 1
