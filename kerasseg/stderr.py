"""What native code writes to the error stream of this process.

The export keeps it off the terminal (`kerasseg/export/workarounds.py`), and
the command while it imports a backend (`kerasseg/cli/quiet.py`).
"""

import contextlib
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from collections.abc import Iterator

_lock = threading.Lock()


class _Redirection:
    """The file that stands in for descriptor 2 while any block wants it."""

    blocks = 0
    saved = None
    sink = None


@contextlib.contextmanager
def captured_stderr() -> Iterator[Callable[[], str]]:
    """Keeps file descriptor 2 off the terminal for the length of a block.

    C and C++ code writes there, where `contextlib.redirect_stderr` has no say.
    Blocks may be nested and may overlap in several threads: the first one
    redirects, and the last one to end gives the stream back.

    Yields:
        A function that returns what was written since the block began, by
        whomever.
    """
    _flush()
    with _lock:
        start = _begin()
    text = ""

    def written():
        with _lock:
            return text if start is None else _read(start)

    try:
        yield written
    finally:
        _flush()
        with _lock:
            if start is not None:
                text = _read(start)
                start = None
                _end()


def _begin():
    """The length of the stand-in, or `None` without an error stream."""
    if not _Redirection.blocks:
        try:
            _Redirection.saved = os.dup(2)
        except OSError:  # Nothing is written, and nothing is to be kept off.
            return None
        # The last block closes it, which may be another than the first.
        _Redirection.sink = tempfile.TemporaryFile()  # noqa: SIM115
        os.dup2(_Redirection.sink.fileno(), 2)
    _Redirection.blocks += 1
    return os.fstat(_Redirection.sink.fileno()).st_size


def _end():
    _Redirection.blocks -= 1
    if not _Redirection.blocks:
        os.dup2(_Redirection.saved, 2)
        os.close(_Redirection.saved)
        _Redirection.sink.close()


def _read(start):
    number = _Redirection.sink.fileno()
    size = os.fstat(number).st_size - start
    if hasattr(os, "pread"):
        content = os.pread(number, size, start)
    else:  # Windows. Descriptor 2 shares the place, and goes on at the end.
        os.lseek(number, start, os.SEEK_SET)
        content = os.read(number, size)
        os.lseek(number, 0, os.SEEK_END)
    return content.decode("utf-8", "replace").strip()


def _flush():
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.flush()
