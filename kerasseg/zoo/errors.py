"""The error of everything that reads weights and saved models."""

from typing import Any

_MAX_SHOWN = 80


class WeightsError(ValueError):
    """A weights file or saved model that is damaged, or made for another."""


def shown(text: Any, most: int = _MAX_SHOWN) -> str:
    """A text from a file, for a message: short, and all of it printable.

    Args:
        text: The text.
        most: Number of letters to show. Defaults to 80.

    Returns:
        The text itself, or its quoted beginning.
    """
    text = text if isinstance(text, str) else repr(text)
    if len(text) > most:
        text = f"{text[:most]}..."
    return text if text.isprintable() else ascii(text)
