"""What the reader of docstrings, Griffe, is told of ours.

The site reads the source and runs none of it. So the arguments that several
exporters share are written into their docstrings here, as `kerasseg.export`
does at import, and examples become blocks of code.
"""

import ast
import re
from pathlib import Path

import griffe

FOLDER = Path(__file__).parents[1] / "kerasseg" / "export"
PLACE = re.compile(r"^( *)\{\{(\w+)\}\}$", re.MULTILINE)
EXAMPLE = re.compile(r"^( *)>>> .*(?:\n\1\S.*|\n\1 +\S.*)*", re.MULTILINE)


def _assigned(file, name):
    """The expression that a module assigns to a name."""
    tree = ast.parse((FOLDER / file).read_text(encoding="utf-8"))
    return next(
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and node.targets[0].id == name
    )


def explanations():
    """What is said of each shared argument, by its name."""
    images = _assigned("quantization.py", "SCALED_IMAGES")
    table = ast.Expression(_assigned("arguments.py", "ARGUMENTS"))
    names = {"SCALED_IMAGES": ast.literal_eval(images)}
    return eval(compile(table, "arguments.py", "eval"), names)


def with_explanations(text, table):
    """A docstring with an explanation for each `{{name}}`."""
    return PLACE.sub(lambda at: f"{at[1]}{at[2]}: {table[at[2]]}", text)


def with_fences(text):
    """A docstring with each run of `>>>` lines as a block of code."""
    return EXAMPLE.sub(r"\1```pycon\n\g<0>\n\1```", text)


class Docstrings(griffe.Extension):
    """Rewrites docstrings once they are read."""

    def __init__(self):
        super().__init__()
        self._table = explanations()

    def on_object(self, *, obj, **kwargs):
        if obj.docstring:
            text = with_explanations(obj.docstring.value, self._table)
            obj.docstring.value = with_fences(text)
