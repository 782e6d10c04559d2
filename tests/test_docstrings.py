"""`Args:` names the parameters, all of them, in their order."""

import ast
import inspect
import re

from source import name_of
from source import parse
from source import public_objects
from source import sources

SECTION = re.compile(r"^(\w[\w ]*):$")
ARGUMENT = re.compile(r"^    (\*{0,2}\w+(?:, \*{0,2}\w+)*):(?:\s|$)")
LOWER_CASE = re.compile(r"^    \*{0,2}\w+(?:, \*{0,2}\w+)*: [a-z]")


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


def test_args_equal_the_signature():
    found = {
        name: {"Args": documented(text or ""), "parameters": parameters(value)}
        for name, text, value in documented_functions()
    }
    assert not {
        name: row
        for name, row in found.items()
        if row["Args"] != row["parameters"]
    }


def test_the_first_paragraph_is_a_sentence():
    found = {
        name: inspect.cleandoc(text or "").split("\n\n")[0]
        for name, text, _ in documented_functions()
    }
    assert not {
        name: first for name, first in found.items() if not first.endswith(".")
    }


def docstrings(path):
    """The docstrings of a module, its classes and functions, by line."""
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef
    for node in ast.walk(parse(path)):
        if isinstance(node, kinds) and ast.get_docstring(node):
            yield getattr(node, "lineno", 1), ast.get_docstring(node)


def lower_case(text):
    """The entries of `Args:` and `Raises:` that begin in lower case."""
    found = sections(text)
    lines = found.get("Args", []) + found.get("Raises", [])
    return [line.strip() for line in lines if LOWER_CASE.match(line)]


def test_each_module_has_a_docstring():
    assert not [
        name_of(path)
        for path in sources()
        if path.read_text() and not ast.get_docstring(parse(path))
    ]


def test_what_is_said_of_an_argument_begins_in_upper_case():
    assert not [
        f"{name_of(path)}:{line}: {entry}"
        for path in sources()
        for line, text in docstrings(path)
        for entry in lower_case(text)
    ]


def test_an_entry_in_lower_case_is_found():
    text = """Something.

    Args:
        images: The images, as
            in: one.
        labels, names: the labels.

    Raises:
        ValueError: if not.
    """
    assert lower_case(text) == [
        "labels, names: the labels.",
        "ValueError: if not.",
    ]


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
