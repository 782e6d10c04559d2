"""The library speaks through logging, exceptions and return values."""

import ast

import pytest
from source import name_of
from source import parse
from source import sources
from source import subpackage

LIBRARY = [p for p in sources() if subpackage(p) != "cli"]


def _prints(node):
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    )


def _writes_to_the_terminal(node):
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "write"
        and ast.unparse(node.func.value) in ("sys.stdout", "sys.stderr")
    )


def _catches_everything(node):
    return isinstance(node, ast.ExceptHandler) and node.type is None


def _lines(path, *faults):
    nodes = ast.walk(parse(path))
    return [n.lineno for n in nodes if any(fault(n) for fault in faults)]


@pytest.mark.parametrize("path", LIBRARY, ids=name_of)
def test_nothing_is_printed(path):
    assert not _lines(path, _prints, _writes_to_the_terminal)


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_nothing_is_asserted_or_swallowed(path):
    assert not _lines(
        path, lambda node: isinstance(node, ast.Assert), _catches_everything
    )
