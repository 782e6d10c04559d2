"""Words and numbers in the sentences on problems."""

from collections.abc import Iterable

from kerasseg.data.doctor.report import MOST_FILES
from kerasseg.data.doctor.report import Problem


def problem(
    name: str, severity: str, message: str, files: Iterable[str] = ()
) -> Problem:
    """A problem, with the first of its files.

    Args:
        name: What kind of problem it is.
        severity: `"error"` or `"warning"`.
        message: What it is and what to do.
        files: All files that have it. Defaults to none.

    Returns:
        The `Problem`.
    """
    files = tuple(files)
    return Problem(name, severity, message, len(files), files[:MOST_FILES])


def many(count: int, noun: str) -> str:
    """A number of things, such as `"2 masks"`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def are(count: int) -> str:
    """The verb of so many things."""
    return "is" if count == 1 else "are"


def verb(word: str, count: int) -> str:
    """A verb as it stands after so many things."""
    return f"{word}s" if count == 1 else word


def them(count: int) -> str:
    """The pronoun of so many things."""
    return "it" if count == 1 else "them"


def size_text(size: tuple[int, int]) -> str:
    """A size with what is what."""
    return f"{size[0]}x{size[1]} (height x width)"


def part(number: int, total: int) -> str:
    """A share as per cent."""
    return f"{100 * number / max(total, 1):.3g} %"


def ranges(ids: Iterable[int]) -> str:
    """Ids in few words, such as `"0 to 10, 255"`."""
    runs = []
    for i in sorted(ids):
        if runs and i == runs[-1][1] + 1:
            runs[-1][1] = i
        else:
            runs.append([i, i])
    texts = [str(a) if a == b else f"{a} to {b}" for a, b in runs]
    return ", ".join(texts)
