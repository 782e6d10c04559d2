"""`kerasseg train --hosts`: one of several processes that train together."""

import argparse
import atexit
import contextlib
import os
import sys
from pathlib import Path

from kerasseg.cli.errors import Failure
from kerasseg.cli.errors import UsageError
from kerasseg.cli.errors import is_usage_error
from kerasseg.cli.errors import one_line
from kerasseg.cli.output import echo

WAIT_SECONDS = 300.0
_SYMPTOMS = {"JaxRuntimeError", "XlaRuntimeError"}
# Seconds until a lost process is known, after a collective has failed.
_LOSS_KNOWN = 40.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of a training on several hosts.

    Args:
        parser: The parser of the verb.
    """
    group = parser.add_argument_group("several hosts (on the JAX backend)")
    group.add_argument(
        "--hosts",
        metavar="HOST:PORT,...",
        help="an address for each process of the training, the same list for "
        "all; they meet at the first, whose port must be open",
    )
    group.add_argument(
        "--process-id",
        type=int,
        metavar="N",
        help="which of --hosts this process is, from 0",
    )
    group.add_argument(
        "--wait-for-hosts",
        type=float,
        metavar="SECONDS",
        help="how long to wait until all have come up "
        f"(default: {WAIT_SECONDS:g})",
    )


def check_arguments(args: argparse.Namespace) -> tuple[str, ...]:
    """Refuses options that do not go together.

    Args:
        args: The parsed arguments.

    Returns:
        The addresses; none for a training in one process.

    Raises:
        UsageError: If one of the two is missing or no good.
    """
    if args.hosts is None and args.process_id is None:
        if args.wait_for_hosts is not None:
            raise UsageError("--wait-for-hosts is for --hosts, give both")
        return ()
    if args.hosts is None or args.process_id is None:
        raise UsageError("--hosts and --process-id go together")
    from kerasseg.training.rendezvous import parse_hosts

    hosts = parse_hosts(args.hosts)
    if not 0 <= args.process_id < len(hosts):
        raise UsageError(
            f"--process-id must be from 0 to {len(hosts) - 1}, one for each "
            f"of --hosts, not {args.process_id}"
        )
    if not _wait(args) > 0:
        raise UsageError("--wait-for-hosts must be above 0")
    return hosts


@contextlib.contextmanager
def joined(hosts: tuple[str, ...], args: argparse.Namespace, state: Path):
    """Trains inside together with the processes on other hosts.

    Args:
        hosts: The addresses; none for a training in one process.
        args: The parsed arguments.
        state: The file that the training resumes from.

    Raises:
        Failure: If others do not come up.
    """
    if not hosts:
        yield
        return
    from kerasseg.training.hosts import join

    try:
        membership = join(hosts, args.process_id, _wait(args))
    except TimeoutError as error:
        raise Failure(one_line(error)) from error
    membership.watch(lambda loss: _give_up(loss, state))
    try:
        yield
    except BaseException as error:
        _fail(membership, error)
        raise
    membership.leave()


def _fail(membership, error):
    """Tells the others, unless one of them is the reason."""
    # A collective that fails is a symptom; who is lost is known soon after.
    if _SYMPTOMS & {kind.__name__ for kind in type(error).__mro__}:
        membership.wait_for_loss(_LOSS_KNOWN)
    membership.fail(one_line(error))
    import jax

    if jax.process_count() > 1:
        # Instead of JAX, which waits for the others, and ends in a trace.
        atexit.register(_end, 2 if is_usage_error(error) else 1)


def _wait(args):
    given = args.wait_for_hosts
    return WAIT_SECONDS if given is None else given


def _end(code):
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def _give_up(loss, state):
    """Ends the process, whose main thread may wait forever for the lost one."""
    resume = "no epoch was finished"
    if state.exists():
        resume = (
            f"{state} holds the last finished epoch: start all processes "
            "again with --resume"
        )
    echo(f"kerasseg: {loss}; {resume}", error=True, flush=True)
    _end(1)
