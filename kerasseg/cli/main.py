"""The `kerasseg` command."""

import argparse
import importlib
import logging
import os
import sys

from kerasseg.cli.mistakes import Failure
from kerasseg.cli.mistakes import UserMistake
from kerasseg.cli.mistakes import one_line
from kerasseg.cli.quiet import import_keras

VERBS = (
    "list",
    "info",
    "predict",
    "train",
    "evaluate",
    "export",
    "verify",
    "benchmark",
    "data",
    "doctor",
    "demo",
)

_EPILOG = """\
examples:
  kerasseg list
  kerasseg predict lrr_4x street.jpg --out masks
  kerasseg evaluate lrr_4x --data camvid
  kerasseg export lrr_4x --to litert --image-shape 352x480
  kerasseg verify lrr_4x.tflite --against lrr_4x --data camvid
  kerasseg doctor
"""


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line and no exit."""

    def error(self, message):
        raise UserMistake(f"{message} (see {self.prog} --help)")


class _Version(argparse.Action):
    """Print the version, which is looked up only when it is asked for."""

    def __init__(self, option_strings, dest, **kwargs):
        super().__init__(option_strings, dest, nargs=0, **kwargs)

    def __call__(self, parser, namespace, values, option_string=None):
        from kerasseg import __version__

        print(f"kerasseg {__version__}")
        parser.exit()


def build_parser() -> argparse.ArgumentParser:
    """The parser of the command with all its verbs.

    Returns:
        The parser; the parsed `run` is the function of the verb.
    """
    parser = _Parser(
        prog="kerasseg",
        description="Semantic segmentation for Keras 3, exported with proof.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, help="print the version")
    subparsers = parser.add_subparsers(
        title="verbs", metavar="VERB", dest="verb", required=True
    )
    for verb in VERBS:
        module = importlib.import_module(f"kerasseg.cli.{verb}")
        module.add_parser(subparsers)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: The arguments without the program. Defaults to `None`: those of
            the process.

    Returns:
        The exit code: 0 for done, 1 for a failure, 2 for a user's mistake.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    try:
        args = build_parser().parse_args(argv)
        args.argv = list(sys.argv[1:] if argv is None else argv)
        if args.verb != "doctor":
            import_keras()
        return args.run(args)
    except UserMistake as error:
        return _say(one_line(error), 2)
    except Failure as error:
        return _say(one_line(error), 1)
    except ImportError as error:
        return _say(_import_advice(error), 2)
    except KeyboardInterrupt:
        return _say("interrupted", 130)
    except BrokenPipeError:
        # The reader has gone (`kerasseg list | head`); let the flush at exit
        # go nowhere instead of failing again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except SystemExit as leave:
        return leave.code or 0


def _say(message, code):
    print(f"kerasseg: {message}", file=sys.stderr)
    return code


def _import_advice(error):
    """The message of an import error, with what to do about it."""
    from kerasseg import backend

    try:
        backend.check_backend()
    except ImportError as missing:
        error = missing
    message = one_line(error)
    if "pip install" not in message:
        message += ". What is missing and how to get it: kerasseg doctor"
    return message
