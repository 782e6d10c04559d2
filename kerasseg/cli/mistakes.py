"""What a user can get wrong, told in one line with exit code 2."""

import contextlib


class UserMistake(Exception):  # noqa: N818
    """A mistake of the user: one line on stderr, exit code 2, no traceback."""


class Failure(Exception):  # noqa: N818
    """A failure that is nobody's mistake: one line on stderr, exit code 1."""


@contextlib.contextmanager
def user_mistakes(
    kinds: tuple[type[Exception], ...] = (ValueError, OSError),
):
    """Turn exceptions that the user's arguments can cause into one line.

    Used around calls that check what the user typed, and nothing more: an
    error of the same class elsewhere is a bug and keeps its traceback.

    Args:
        kinds: The classes to turn. Defaults to `(ValueError, OSError)`.

    Raises:
        UserMistake: If one of `kinds` is raised inside.
    """
    try:
        yield
    except kinds as error:
        raise UserMistake(one_line(error)) from error


def one_line(error: BaseException) -> str:
    """The message of an exception without line breaks.

    Args:
        error: The exception.

    Returns:
        Its message, or the name of its class where the message is empty.
    """
    return " ".join(str(error).split()) or type(error).__name__
