"""Names beside the points of a plot, none written over another."""

# Where a name may stand, from its point: side, and height in points. The
# nearest comes first.
PLACES = tuple(
    (side, height)
    for height in (0, 9, -9, 18, -18, 27, -27)
    for side in ("left", "right")
)
GAP = 6


def write(axes, points, fontsize):
    """Writes names where they fit, the same at each call.

    The limits of the axes must be set before.

    Args:
        axes: Axes that hold the points.
        points: Tuples `(x, y, name)`.
        fontsize: Size of the names.
    """
    figure = axes.figure
    # Names change nothing in the layout, which is fixed by this.
    figure.draw_without_rendering()
    marks = [axes.transData.transform((x, y)) for x, y, _ in points]
    taken = []
    for (x, y, name), mark in zip(points, marks, strict=True):
        texts = [_text(axes, x, y, name, fontsize, *p) for p in PLACES]
        boxes = [text.get_window_extent() for text in texts]
        best = min(
            range(len(PLACES)),
            key=lambda i: (_cost(boxes[i], axes.bbox, taken, marks, mark), i),
        )
        taken.append(boxes[best])
        for text in (*texts[:best], *texts[best + 1 :]):
            text.remove()


def _text(axes, x, y, name, fontsize, side, height):
    text = axes.annotate(
        name,
        (x, y),
        xytext=(GAP if side == "left" else -GAP, height),
        textcoords="offset points",
        ha=side,
        va="center",
        fontsize=fontsize,
    )
    text.set_in_layout(False)
    return text


def _cost(box, frame, taken, marks, own):
    """What a name covers, and whether it leaves the axes."""
    points = sum(
        box.padded(6).contains(*mark) for mark in marks if mark is not own
    )
    outside = not (
        frame.x0 <= box.x0
        and box.x1 <= frame.x1
        and frame.y0 <= box.y0
        and box.y1 <= frame.y1
    )
    return sum(box.overlaps(other) for other in taken) + points + 2 * outside
