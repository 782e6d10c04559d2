"""`Args:` names the parameters, all of them, in their order."""

import inspect
import re

import pytest
from source import public_objects

SECTION = re.compile(r"^(\w[\w ]*):$")
ARGUMENT = re.compile(r"^    (\*{0,2}\w+(?:, \*{0,2}\w+)*):(?:\s|$)")


def sections(text):
    """The lines of each section of a docstring, by its name."""
    found, current = {}, None
    for line in inspect.cleandoc(text).splitlines():
        heading = SECTION.match(line)
        if heading:
            current = found.setdefault(heading[1], [])
        elif line and not line.startswith(" "):
            current = None
        elif current is not None:
            current.append(line)
    return found


def documented(text):
    """The names under `Args:`, in order, without kwargs."""
    names = []
    for line in sections(text).get("Args", ()):
        match = ARGUMENT.match(line)
        if match:
            names += [n.strip() for n in match[1].split(",")]
    return [n.lstrip("*") for n in names if not n.startswith("**")]


def parameters(function):
    """The names of the parameters, in order, without self and kwargs."""
    if inspect.isclass(function):
        home = getattr(function.__init__, "__module__", function.__module__)
        if not home.startswith("kerasseg"):
            return []
    return [
        p.name
        for p in inspect.signature(function).parameters.values()
        if p.kind is not p.VAR_KEYWORD and p.name not in ("self", "cls")
    ]


def own_methods(cls):
    """Public methods of a class that no base outside kerasseg declares."""
    foreign = [
        base
        for base in cls.__mro__
        if not base.__module__.startswith("kerasseg")
    ]
    return [
        (name, member)
        for name, member in inspect.getmembers(cls, callable)
        if not name.startswith("_")
        and not any(hasattr(base, name) for base in foreign)
        and name not in ("build", "call", "get_config")
    ]


def documented_functions():
    """Dotted name, docstring and signature of everything public."""
    rows = []
    for name, value in public_objects():
        if not callable(value):
            continue
        is_error = isinstance(value, type) and issubclass(value, Exception)
        if not is_error or "__init__" in vars(value):
            rows.append((name, value.__doc__, value))
        if isinstance(value, type):
            rows += [
                (f"{name}.{method}", inspect.getdoc(member), member)
                for method, member in own_methods(value)
            ]
    return rows


ROWS = documented_functions()
IDS = [name for name, _, _ in ROWS]


@pytest.mark.parametrize(("name", "text", "function"), ROWS, ids=IDS)
def test_args_equal_the_signature(name, text, function):
    assert text, f"{name} has no docstring"
    assert documented(text) == parameters(function)


@pytest.mark.parametrize(("name", "text", "function"), ROWS, ids=IDS)
def test_the_first_paragraph_is_a_sentence(name, text, function):
    del function
    first = inspect.cleandoc(text or "").split("\n\n")[0]
    assert first.endswith("."), f"{name}: {first!r}"


def test_a_wrong_docstring_is_found():
    def function(images, *, labels=None, **kwargs):
        """Something.

        Args:
            labels: The labels, with
                a second: line.
            images: The images.

        Returns:
            nothing: at all
        """

    assert documented(function.__doc__) == ["labels", "images"]
    assert parameters(function) == ["images", "labels"]
