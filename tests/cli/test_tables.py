import pytest

from kerasseg.cli.tables import fields
from kerasseg.cli.tables import percent
from kerasseg.cli.tables import table


def test_numbers_are_aligned_to_the_right():
    text = table(("name", "count"), [("a", 1234567), ("long name", None)])
    assert text.splitlines() == [
        "name           count",
        "---------  ---------",
        "a          1,234,567",
        "long name          -",
    ]


def test_a_table_without_rows():
    assert table(("a", "b"), []).splitlines() == ["a  b", "-  -"]


def test_values_of_several_lines_are_aligned():
    text = fields([("a", "1\n2"), ("long", ""), ("n", 1000)])
    assert text.splitlines() == ["a     1", "      2", "long  -", "n     1,000"]


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.66934, "66.93"), (1.0, "100.00"), (None, None), (float("nan"), None)],
)
def test_percent(share, text):
    assert percent(share) == text
