"""Plots, which matplotlib draws without a window."""

import os

from kerasseg.files import atomic_file


def check_drawing() -> None:
    """Refuses to go on where nothing can be drawn.

    Raises:
        ImportError: If matplotlib is not installed.
    """
    _matplotlib()


def new_figure(size: tuple[float, float]):
    """An empty figure.

    Args:
        size: Width and height in inches.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ImportError: If matplotlib is not installed.
    """
    Figure, FigureCanvasAgg = _matplotlib()
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure, path: str | os.PathLike, dpi: int = 120) -> None:
    """Writes a figure, as a whole or not at all.

    Args:
        figure: `matplotlib.figure.Figure`.
        path: PNG file to write.
        dpi: Pixels an inch. Defaults to 120.
    """
    with atomic_file(path) as part:
        figure.savefig(part, dpi=dpi, format="png")


def _matplotlib():
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            'Drawing a plot needs matplotlib: pip install "kerasseg[train]"'
        ) from error
    return Figure, FigureCanvasAgg
