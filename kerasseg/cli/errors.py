"""How a verb ends that cannot finish: usage errors, failures and faults."""

import contextlib
import opcode
import os
import tempfile
import traceback
from pathlib import Path

DEBUG = "KERASSEG_DEBUG"

_PACKAGE = str(Path(__file__).resolve().parents[1]) + os.sep
_RAISE = opcode.opmap["RAISE_VARARGS"]
# The classes that checks raise.
_CHECKS = (ValueError, TypeError, FloatingPointError)
# Python's and NumPy's, TensorFlow's, and PyTorch's; JAX has it in its message.
_OUT_OF_MEMORY = {"MemoryError", "ResourceExhaustedError", "OutOfMemoryError"}


class UsageError(Exception):
    """What the user has to change: one line on stderr, exit code 2."""


class Failure(Exception):  # noqa: N818
    """A failure that is not a usage error: one line on stderr, exit code 1."""


@contextlib.contextmanager
def usage_errors():
    """Turns exceptions that the user's arguments can cause into one line.

    For calls into other packages with what the user typed. The checks of
    kerasseg itself are known as such (`is_usage_error`).

    Raises:
        UsageError: If a `ValueError` or an `OSError` is raised inside.
    """
    try:
        yield
    except (ValueError, OSError) as error:
        raise UsageError(one_line(error)) from error


def is_usage_error(error: BaseException) -> bool:
    """Whether an exception comes from what the user gave.

    These do: what the operating system refuses, and what a `raise` statement
    of kerasseg refuses with the exceptions that checks use. Everything else,
    such as a `ValueError` out of NumPy, is a fault of kerasseg.

    Args:
        error: The exception, after it was caught.

    Returns:
        The answer.
    """
    if isinstance(error, UsageError | OSError):
        return True
    trace = error.__traceback__
    if trace is None or not isinstance(error, _CHECKS):
        return False
    while trace.tb_next is not None:
        trace = trace.tb_next
    code = trace.tb_frame.f_code
    return (
        code.co_filename.startswith(_PACKAGE)
        and code.co_code[trace.tb_lasti] == _RAISE
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out, on any backend.

    Args:
        error: The exception.

    Returns:
        The answer.
    """
    names = {kind.__name__ for kind in type(error).__mro__}
    return bool(names & _OUT_OF_MEMORY) or "RESOURCE_EXHAUSTED" in str(error)


def one_line(error: BaseException) -> str:
    """The message of an exception without line breaks.

    Args:
        error: The exception.

    Returns:
        Its message, with the file where the operating system names one, or
        the name of its class where the message is empty.
    """
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        names = [n for n in (error.filename, error.filename2) if n is not None]
        text = ": ".join([*map(_text_of, names), error.strerror])
    return " ".join(text.split()) or type(error).__name__


def _text_of(name):
    """The name of a file, or the number of an open one."""
    return str(name) if isinstance(name, int) else os.fsdecode(name)


def fault(error: BaseException) -> str:
    """The sentence on an exception that nobody foresaw.

    The traceback is kept in a file of the temporary folder.

    Args:
        error: The exception, after it was caught.

    Returns:
        The sentence; with the traceback where that cannot be kept.
    """
    text = "".join(traceback.format_exception(error))
    reason = one_line(error).rstrip(".")
    message = (
        f"this is a fault of kerasseg, not yours: {type(error).__name__}: "
        f"{reason}. Please report it to the maintainers with "
    )
    try:
        handle, path = tempfile.mkstemp(".txt", "kerasseg-fault-")
        with open(handle, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
    except OSError:
        return f"{message}this traceback:\n{text}"
    return f"{message}the traceback in {path} and what `kerasseg doctor` prints"
