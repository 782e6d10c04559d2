import sys

import pytest

from kerasseg.cli.progress import progress


@pytest.mark.parametrize("terminal", [False, True])
def test_all_items_come_through(monkeypatch, capsys, terminal):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    assert list(progress("abc", "reading", 3)) == ["a", "b", "c"]
    captured = capsys.readouterr()
    assert captured.out == ""
    assert ("reading" in captured.err) == terminal
