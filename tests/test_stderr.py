import os

import pytest

from kerasseg.stderr import captured_stderr


@pytest.mark.skipif(not hasattr(os, "pread"), reason="Windows has none")
def test_nothing_is_lost_that_is_written_while_it_is_read(monkeypatch):
    def disturbed(read):
        def reading(*arguments):
            os.write(2, b"meanwhile\n")
            return read(*arguments)

        return reading

    with captured_stderr() as written:
        os.write(2, b"before\n")
        with monkeypatch.context() as patch:
            patch.setattr(os, "read", disturbed(os.read))
            patch.setattr(os, "pread", disturbed(os.pread))
            assert written() == "before"
        assert written() == "before\nmeanwhile"
        os.write(2, b"after\n")
    assert written() == "before\nmeanwhile\nafter"
