"""The `kerasseg` command."""

import argparse
import contextlib
import importlib
import logging
import os
import signal
import sys
import threading
import traceback

from kerasseg.cli.errors import DEBUG
from kerasseg.cli.errors import Failure
from kerasseg.cli.errors import UsageError
from kerasseg.cli.errors import fault
from kerasseg.cli.errors import is_out_of_memory
from kerasseg.cli.errors import is_usage_error
from kerasseg.cli.errors import one_line
from kerasseg.cli.output import Formatter
from kerasseg.cli.output import echo
from kerasseg.cli.output import flush
from kerasseg.cli.output import mute
from kerasseg.cli.quiet import import_keras

VERBS = (
    "list",
    "info",
    "predict",
    "job",
    "train",
    "evaluate",
    "export",
    "verify",
    "benchmark",
    "serve",
    "data",
    "import",
    "push",
    "doctor",
    "demo",
)
# A verb that is a word of Python has a module of another name.
_MODULES = {"import": "import_weights"}

# Verbs that read no model.
_WITHOUT_KERAS = ("list", "info", "doctor")

_EPILOG = """\
examples:
  kerasseg list
  kerasseg predict lrr_4x street.jpg --out masks
  kerasseg evaluate lrr_4x --data camvid
  kerasseg export lrr_4x --to litert --image-shape 352x480
  kerasseg verify lrr_4x.tflite --against lrr_4x --data camvid
  kerasseg doctor

exit codes: 0 done, 1 failed, 2 wrong usage, 3 a fault of kerasseg, whose
traceback is kept in a file. KERASSEG_DEBUG=1 prints the traceback of any error.
"""


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line and no exit."""

    def error(self, message):
        raise UsageError(f"{message} (see {self.prog} --help)")

    def parse_known_args(self, args=None, namespace=None):
        # argparse leaves those of a verb to the parser of the command.
        known, rest = super().parse_known_args(args, namespace)
        if rest:
            self.error(f"unrecognized arguments: {' '.join(rest)}")
        return known, rest

    def print_help(self, file=None):
        # Not silent about a full disk, as argparse is.
        echo(self.format_help().rstrip())


class _Version(argparse.Action):
    """Prints the version, which is looked up only when it is asked for."""

    def __init__(self, option_strings, dest, **kwargs):
        super().__init__(option_strings, dest, nargs=0, **kwargs)

    def __call__(self, parser, namespace, values, option_string=None):
        from kerasseg import __version__

        echo(f"kerasseg {__version__}")
        parser.exit()


def build_parser() -> argparse.ArgumentParser:
    """The parser of the command with all its verbs.

    Returns:
        The parser; the parsed `run` is the function of the verb.
    """
    parser = _Parser(
        prog="kerasseg",
        description="Semantic segmentation for Keras 3, with verified exports.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, help="print the version")
    subparsers = parser.add_subparsers(
        title="verbs", metavar="VERB", dest="verb", required=True
    )
    for verb in VERBS:
        module = importlib.import_module(
            f"kerasseg.cli.{_MODULES.get(verb, verb)}"
        )
        module.add_parser(subparsers)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Runs the command.

    Args:
        argv: The arguments without the program. Defaults to `None`: those of
            the process.

    Returns:
        The exit code: 0 for done, 1 for a failure, 2 for a usage error, 3 for
        a fault of kerasseg, 130 for an interruption, 143 for SIGTERM.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    _set_up_logging()
    try:
        with _sigterm_raises():
            code = _run(argv)
        flush()
        return code
    except SystemExit as leave:
        return _leave(leave)
    except BrokenPipeError:
        # The reader has gone (`kerasseg list | head`).
        mute(sys.stdout)
        return 0
    except (Exception, KeyboardInterrupt) as error:
        return _end(error)


def _run(argv):
    args = build_parser().parse_args(argv)
    args.argv = list(sys.argv[1:] if argv is None else argv)
    if args.verb not in _WITHOUT_KERAS:
        import_keras()
    return args.run(args)


class _Terminated(KeyboardInterrupt):
    """SIGTERM, which passes through the code as Ctrl-C does."""


@contextlib.contextmanager
def _sigterm_raises():
    """Has SIGTERM clean up: nothing half-written stays."""
    main_thread = threading.current_thread() is threading.main_thread()
    usual = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if not (main_thread and usual):
        yield
        return
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _terminate(number, frame):
    raise _Terminated


def _set_up_logging():
    handler = logging.StreamHandler()
    handler.setFormatter(Formatter("%(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)


def _leave(leave):
    """The exit code of what argparse ends with after --help."""
    try:
        flush()
    except BrokenPipeError:
        mute(sys.stdout)
    except UsageError as error:
        return _end(error)
    return leave.code if isinstance(leave.code, int) else int(bool(leave.code))


def _end(error):
    """Says what ended the command; the exit code."""
    message, code = _message(error)
    with contextlib.suppress(OSError):
        if os.environ.get(DEBUG):
            echo("".join(traceback.format_exception(error)), error=True)
        echo(f"kerasseg: {message}", error=True, flush=True)
    with contextlib.suppress(OSError, UsageError):
        flush()
    return code


def _message(error):
    """The message on an exception, and the exit code."""
    if isinstance(error, _Terminated):
        return "terminated", 143
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", 130
    if isinstance(error, Failure):
        return one_line(error), 1
    if is_out_of_memory(error):
        return f"out of memory: {one_line(error)}", 1
    if is_usage_error(error):
        return one_line(error), 2
    if isinstance(error, ImportError) and not _is_own(error):
        return _import_advice(error), 2
    return fault(error), 3


def _is_own(error):
    """Whether a module of kerasseg itself is what cannot be imported."""
    return (error.name or "").partition(".")[0] == "kerasseg"


def _import_advice(error):
    """The message of an import error, with what to do about it."""
    from kerasseg import backend

    try:
        backend.check_backend()
    except ImportError as missing:
        error = missing
    message = one_line(error)
    if "pip install" not in message:
        message = message.removesuffix(".")
        message += ". What is missing and how to get it: kerasseg doctor"
    return message
