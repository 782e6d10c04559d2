"""Progress bars on stderr; silent where stderr is no terminal."""

import sys
from collections.abc import Iterable
from collections.abc import Iterator


def progress(items: Iterable, description: str, total: int) -> Iterator:
    """Yields `items` and shows how many are done.

    Args:
        items: What to go through.
        description: A word or two before the bar.
        total: How many items there are.

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
