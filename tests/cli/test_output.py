import ast
import io
import logging
import sys

import pytest
from source import name_of
from source import parse
from source import sources
from source import subpackage

from kerasseg.cli.output import Formatter
from kerasseg.cli.output import echo
from kerasseg.cli.output import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("road, sky\nStraße 日本 👍", "road, sky\nStraße 日本 👍"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("back\b\rover\x9b31m", "back\\x08\\rover\\x9b31m"),
        ("gnp\u202e.exe", "gnp\\u202e.exe"),
        ("lone \udcff", "lone \\udcff"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        (17, "17"),
    ],
)
def test_what_a_terminal_would_obey_is_shown(capsys, text, shown):
    assert printable(text) == shown
    echo(text)
    echo(text, error=True)
    assert capsys.readouterr() == (f"{shown}\n", f"{shown}\n")


def test_what_the_encoding_lacks_is_escaped(monkeypatch):
    content = io.BytesIO()
    stream = io.TextIOWrapper(content, encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    echo("90 °", flush=True)
    assert content.getvalue() == b"90 \\xb0\n"


def test_log_records_are_shown_alike():
    record = logging.makeLogRecord({"msg": "\x1b[31m %s", "args": ("a",)})
    assert Formatter("%(message)s").format(record) == "\\x1b[31m a"


def test_nothing_else_of_the_command_line_prints():
    printing = {
        name_of(path)
        for path in sources()
        if subpackage(path) == "cli"
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print"
    }
    assert printing == {"kerasseg/cli/output.py"}
