"""Progress bars on stderr; silent where stderr is no terminal."""

import contextlib
import itertools
import sys
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator


def progress(
    items: Iterable, description: str, total: int | None
) -> Iterator:
    """Yields `items` and shows how many are done.

    Args:
        items: What to go through.
        description: A word or two before the bar.
        total: How many items there are, or `None` where nobody knows.

    Returns:
        An iterator over `items`.
    """
    if not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(
        items, description, total=total, console=Console(stderr=True)
    )


@contextlib.contextmanager
def counted(description: str) -> Iterator[Callable]:
    """A bar for what counts by itself.

    Args:
        description: A word or two before the bar.

    Yields:
        A function that takes how many items are done, and how many there are,
        or `None`.
    """
    bar = None

    def show(done, total):
        nonlocal bar
        if bar is None:
            bar = progress(itertools.count(), description, total)
            next(bar)
        next(bar)

    try:
        yield show
    finally:
        if bar is not None:
            bar.close()
