"""Files that appear at their path complete or not at all."""

import contextlib
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

__all__ = ["atomic_file", "atomic_json"]


@contextlib.contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """Gives a temporary name that replaces `path` when the block succeeds.

    The temporary file lies in the folder of `path` under a name of its own
    with the same suffix, so that parallel writers do not meet and the last
    step is a rename. If the block raises, the temporary file is deleted and
    `path` is left as it was.

    Args:
        path: Path of the file to write. Missing folders are created.

    Returns:
        A context manager that yields the temporary path.

    Example:

    >>> with atomic_file("notes.txt") as temporary:
    ...     temporary.write_text("complete or absent")
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(
        f".{path.stem}.{secrets.token_hex(8)}{path.suffix}"
    )
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def atomic_json(path: str | Path, content) -> None:
    """Writes a JSON file, whole or not at all.

    Args:
        path: Path of the file. Missing folders are created.
        content: What to write.
    """
    text = json.dumps(content, indent=2) + "\n"
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
