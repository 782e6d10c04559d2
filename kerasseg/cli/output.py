"""The one way in which the verbs print."""

import contextlib
import logging
import os
import sys

from kerasseg.cli.errors import UsageError

# Line feeds, unbreakable spaces, and joiners of letters.
_PLAIN = "\n\xa0\u202f\u200c\u200d"


def echo(
    text: object = "", *, error: bool = False, flush: bool = False
) -> None:
    """Prints text as a terminal can show it.

    Args:
        text: What to print; see `printable`.
        error: Whether to print to stderr. Defaults to `False`.
        flush: Whether to wait until it is out. Defaults to `False`.

    Raises:
        UsageError: If it cannot be written, since the disk is full.
    """
    stream = sys.stderr if error else sys.stdout
    if stream is None:
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    shown = printable(text).encode(encoding, "backslashreplace")
    with _written(stream):
        print(shown.decode(encoding), file=stream, flush=flush)


def flush() -> None:
    """Waits until all of stdout is out.

    Raises:
        UsageError: If it cannot be written.
    """
    if sys.stdout is not None:
        with _written(sys.stdout):
            sys.stdout.flush()


def mute(stream) -> None:
    """Lets what is left of a stream go nowhere, instead of failing at exit.

    Args:
        stream: `sys.stdout` or `sys.stderr`.
    """
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextlib.contextmanager
def _written(stream):
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        mute(stream)
        message = f"cannot write the output: {error.strerror}"
        raise UsageError(message) from error


def printable(text: object) -> str:
    """Text without what a terminal would obey instead of showing it.

    File names, labels and records are not the user's own words: escape codes
    in them could move the cursor, change the window's title, or reverse the
    order of what is read.

    Args:
        text: Any object.

    Returns:
        Its text, in which control characters other than line feeds, and
        characters that stand for no text, are written as `\\x1b` is.
    """
    return "".join(
        char if _is_plain(char) else _escaped(char) for char in str(text)
    )


class Formatter(logging.Formatter):
    """A formatter of log records that is as careful as `echo`."""

    def format(self, record):
        return printable(super().format(record))


def _is_plain(char):
    return char.isprintable() or char in _PLAIN


def _escaped(char):
    return char.encode("unicode_escape").decode("ascii")
