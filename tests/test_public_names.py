"""What a sub-package shows is what its `__all__` says."""

import importlib
import inspect

import pytest
from source import PUBLIC
from source import public_objects

import kerasseg

# Modules below all sub-packages, whose public names data shows.
GROUND = ("kerasseg.labels",)


@pytest.mark.parametrize("name", PUBLIC)
def test_all_equals_the_public_names(name):
    module = importlib.import_module(f"kerasseg.{name}")
    public = {
        key
        for key in dir(module)
        if not key.startswith("_")
        and not inspect.ismodule(getattr(module, key))
    }
    assert set(module.__all__) == public
    assert len(module.__all__) == len(public)


def test_public_names_are_our_own():
    homes = {
        name: value.__module__
        for name, value in public_objects()
        if callable(value) and value.__module__ not in GROUND
    }
    assert not {
        name: home
        for name, home in homes.items()
        if not home.startswith(f"kerasseg.{name.partition('.')[0]}.")
    }


def test_the_package_shows_its_sub_packages():
    assert kerasseg.__all__ == list(PUBLIC)
    assert set(PUBLIC) <= set(dir(kerasseg))
    for name in PUBLIC:
        assert getattr(kerasseg, name).__name__ == f"kerasseg.{name}"


def test_an_unknown_sub_package_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'layer'"):
        kerasseg.layer  # noqa: B018
