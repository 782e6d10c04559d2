"""The library speaks through logging, exceptions and return values."""

import ast

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


def _places(paths, *faults):
    return [
        f"{name_of(path)}:{node.lineno}"
        for path in paths
        for node in ast.walk(parse(path))
        if any(fault(node) for fault in faults)
    ]


def test_nothing_is_printed():
    assert not _places(LIBRARY, _prints, _writes_to_the_terminal)


def test_nothing_is_asserted_or_swallowed():
    assert not _places(
        sources(),
        lambda node: isinstance(node, ast.Assert),
        _catches_everything,
    )
