"""What a sub-package shows is what its `__all__` says."""

import importlib
import inspect

import pytest
from source import PUBLIC
from source import public_objects

import kerasseg


@pytest.mark.parametrize("name", PUBLIC)
def test_all_equals_the_public_names(name):
    module = importlib.import_module(f"kerasseg.{name}")
    public = {
        key
        for key, value in vars(module).items()
        if not key.startswith("_") and not inspect.ismodule(value)
    }
    assert set(module.__all__) == public
    assert len(module.__all__) == len(public)


@pytest.mark.parametrize(
    ("name", "value"), public_objects(), ids=[n for n, _ in public_objects()]
)
def test_public_names_are_our_own(name, value):
    if callable(value):
        home = f"kerasseg.{name.partition('.')[0]}."
        assert value.__module__.startswith(home)


def test_the_package_shows_its_sub_packages():
    assert kerasseg.__all__ == list(PUBLIC)
    assert set(PUBLIC) <= set(dir(kerasseg))
    for name in PUBLIC:
        assert getattr(kerasseg, name).__name__ == f"kerasseg.{name}"


def test_an_unknown_sub_package_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'layer'"):
        kerasseg.layer  # noqa: B018
