"""Names of points are not written over each other."""

import itertools

from kerasseg.figures import new_figure


def boxes(script, points):
    figure = new_figure((6, 4))
    axes = figure.subplots()
    for x, y, _ in points:
        axes.plot(x, y, "o")
    axes.margins(0.2)
    script("point_names").write(axes, points, fontsize=8)
    return [text.get_window_extent().bounds for text in axes.texts], [
        text.get_window_extent() for text in axes.texts
    ]


def test_names_close_by_do_not_overlap(script):
    names = ("fcn_32s", "bilinear", "lrr_32x", "gdn")
    points = [(1 + i / 100, 56 + i / 10, n) for i, n in enumerate(names)]
    points.append((2, 70, "lrr_4x"))
    bounds, found = boxes(script, points)
    assert len(found) == len(points)
    for one, other in itertools.combinations(found, 2):
        assert not one.overlaps(other)
    assert boxes(script, points)[0] == bounds
