import numpy as np
import pytest

from kerasseg.importers.wire import Message


def message(content):
    return Message(memoryview(content))


def test_fields_of_all_kinds(make, array):
    numbers = array(5)
    content = (
        make.field(1, 300)
        + make.field(2, "naïve")
        + make.field(2, "second")
        + make.field(3, make.field(1, 7))
        + make.field(4, b"\x01\x96\x01")
        + make.field(4, 2**63)
        + make.field(5, numbers.tobytes())
    )
    found = message(content)
    assert found.number(1) == 300
    assert found.number(9, 5) == 5
    assert found.texts(2) == ["naïve", "second"]
    assert found.text(2) == "second"
    assert found.message(3).number(1) == 7
    assert found.numbers(4) == [1, 150, 2**63]
    np.testing.assert_array_equal(found.floats(5), numbers)
    assert not len(found.floats(6))


def test_numbers_one_by_one(make, array):
    numbers = array(4)
    content = b"".join(b"\x2d" + x.tobytes() for x in numbers)
    np.testing.assert_array_equal(message(content).floats(5), numbers)
    wide = numbers.astype("float64")
    content = b"".join(b"\x41" + x.tobytes() for x in wide)
    np.testing.assert_array_equal(message(content).floats(8, "<f8"), wide)


def test_numbers_are_those_of_the_file(make, array):
    # No copy: what a file of 600 MB would take twice.
    content = memoryview(make.field(5, array(1000).tobytes()))
    found = Message(content).floats(5)
    assert np.shares_memory(found, np.frombuffer(content, "u1"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\x0a", "within a number"),
        (b"\x0a\x05abc", "5 bytes declared where 3 are left"),
        (b"\x0a\xff\xff\xff\xff\x7fabc", "are left"),
        (b"\x2d\x00", "4 bytes declared where 1 are left"),
        (b"\x00\x01", "without a number"),
        (b"\x0b", "wire type 3"),
        (b"\x0f", "wire type 7"),
        (b"\xff" * 11, "more than 64 bits"),
        (b"\x08\x01" * 70_000, "more than 65536 fields"),
    ],
)
def test_what_is_no_message(content, reason):
    with pytest.raises(ValueError, match=reason):
        message(content)


def test_fields_of_another_kind(make):
    with pytest.raises(ValueError, match="an integer in field 1"):
        message(make.field(1, 3)).texts(1)
    with pytest.raises(ValueError, match="more than 65536 integers"):
        message(make.field(1, b"\x01" * 70_000)).numbers(1)
    with pytest.raises(ValueError, match="multiple of element size"):
        message(make.field(5, b"abc")).floats(5)
