import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasseg.arguments import check_channels
from kerasseg.arguments import check_choice
from kerasseg.arguments import check_integer
from kerasseg.arguments import check_integers
from kerasseg.arguments import check_number
from kerasseg.arguments import check_range

NO_INTEGERS = [True, False, 2.0, "2", None, (2,), np.float32(2), np.bool_(True)]


@given(
    value=st.integers(-20, 20),
    least=st.integers(-3, 5),
    parity=st.sampled_from([None, "even", "odd"]),
    kind=st.sampled_from([int, np.int64, np.int8, np.array]),
)
def test_integers_are_taken_as_python_integers(value, least, parity, kind):
    fits = parity in (None, "odd" if value % 2 else "even")
    if value >= least and fits:
        number = check_integer("n", kind(value), least, parity)
        assert type(number) is int
        assert number == value
    else:
        article = f"an {parity}" if parity else "an"
        with pytest.raises(ValueError, match=f"`n` must be {article} integer"):
            check_integer("n", kind(value), least, parity)


@pytest.mark.parametrize("value", NO_INTEGERS)
def test_what_is_no_integer(value):
    with pytest.raises(ValueError, match="integer of 1 or more. Received: n="):
        check_integer("n", value)
    with pytest.raises(ValueError, match="must be a list or tuple of integers"):
        check_integers("n", [3, value])


def test_several_integers():
    assert check_integers("rates", [1, np.int32(7)]) == (1, 7)
    assert check_integers("size", (4, 5), length=2) == (4, 5)
    for value in ((), 3, {1, 2}, (0, 1), "12"):
        with pytest.raises(ValueError, match="`rates` must be a list or tuple"):
            check_integers("rates", value)
    with pytest.raises(ValueError, match="of 2 integers.*size=.1, 2, 3."):
        check_integers("size", [1, 2, 3], length=2)


def test_choices():
    check_choice("border", "edge", ("zeros", "edge"))
    for value in ("Edge", None, ["edge"], "zeros, edge"):
        with pytest.raises(ValueError, match="one of zeros, edge. Rec"):
            check_choice("border", value, ("zeros", "edge"))


def test_one_channel_is_refused():
    check_channels("model", (None, None, None, 2))
    with pytest.raises(
        ValueError, match=r"`model` .* two for .* shape \(1, 4, 6, 1\)"
    ):
        check_channels("model", (1, 4, 6, 1))


@pytest.mark.parametrize("value", [True, "1", None, np.nan, np.inf, -0.1, (1,)])
def test_numbers(value):
    with pytest.raises(ValueError, match="`n` must be a finite number of 0 or"):
        check_number("n", value)
    with pytest.raises(ValueError, match="a number from 0 to 2.5. Received: n"):
        check_number("n", value, 0, 2.5)
    check_number("n", 2.5, 0, 2.5)
    for number in (3, np.float32(2), np.float64(2), np.int64(2), np.float16(2)):
        check_number("n", number)
        check_range("n", (number, 3))
    with pytest.raises(ValueError, match="n=2.6"):
        check_number("n", 2.6, 0, 2.5)


@pytest.mark.parametrize(
    "value",
    [
        *[(2, 1), (0, 1), (True, 2), (1,), (1, 2, 3), 1],
        *[("1", 2), (1, np.inf), None],
    ],
)
def test_ranges_of_two_numbers(value):
    with pytest.raises(ValueError, match="`n` must be two positive numbers, "):
        check_range("n", value)
    check_range("n", (0.5, 0.5))
    check_range("n", [0.5, 1], 1)
    with pytest.raises(ValueError, match=r"numbers up to 1, the .*n=\(1, 2\)"):
        check_range("n", (1, 2), 1)
