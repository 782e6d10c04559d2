"""Plain tables for the terminal; they keep their width in a pipe."""

from collections.abc import Sequence


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table with aligned columns.

    A column is aligned to the right when all its cells are numbers, or no
    value ("-").

    Args:
        header: The column names.
        rows: The cells, as many in each row as there are columns. Integers get
            thousands separators, `None` becomes "-".

    Returns:
        The lines, without a newline at the end.
    """
    cells = [[_text(cell) for cell in row] for row in rows]
    widths = [
        max(len(text) for text in column)
        for column in zip(header, *cells, strict=True)
    ]
    numeric = [
        all(_is_number(cell) for cell in column)
        for column in zip(*rows, strict=True)
    ] or [False] * len(header)
    lines = [list(header), ["-" * width for width in widths], *cells]
    return "\n".join(
        "  ".join(
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in lines
    )


def fields(pairs: Sequence[tuple[str, object]]) -> str:
    """Names and values, the values aligned.

    Args:
        pairs: The names and their values; a value may have several lines.

    Returns:
        The lines, without a newline at the end.
    """
    width = max(len(name) for name, _ in pairs)
    lines = []
    for name, value in pairs:
        first, *rest = _text(value).splitlines() or ["-"]
        lines.append(f"{name.ljust(width)}  {first}")
        lines.extend(f"{'':{width}}  {line}" for line in rest)
    return "\n".join(lines)


def percent(share: float | None) -> str | None:
    """A share as per cent with two decimals.

    Args:
        share: A number in 0..1, or `None` or NaN where there is none.

    Returns:
        The text without the sign, or `None`.
    """
    if share is None or share != share:
        return None
    return f"{100 * share:.2f}"


def _text(cell):
    if cell is None or cell == "":
        return "-"
    if isinstance(cell, int) and not isinstance(cell, bool):
        return f"{cell:,}"
    return str(cell)


def _is_number(cell):
    text = _text(cell).replace(",", "").rstrip("%")
    return text == "-" or text.replace(".", "", 1).lstrip("-").isdigit()
