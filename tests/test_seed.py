"""What a test draws at random does not depend on the tests before it."""

import random

import keras
import pytest


def drawn():
    kernel = keras.initializers.GlorotUniform()((2, 3))
    numbers = keras.ops.convert_to_numpy(kernel).ravel()
    return [*numbers, random.random()]


@pytest.fixture(scope="module")
def of_the_module():
    """What a fixture that outlives a test has drawn."""
    return drawn()


def test_some_numbers_are_drawn():
    assert drawn() != drawn()


def test_a_fixture_of_a_module_is_seeded(of_the_module):
    assert of_the_module == drawn()
