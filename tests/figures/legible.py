"""What every figure must be: as wide as a column, nothing cut, text large enough, none on text."""

from itertools import combinations

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg

from loopstab.paper_figures.drawings.style import LEAST_SIZE, WIDTH

TOUCH = 0.3
"""Points by which the boxes of two texts may overlap: they have a margin around the letters."""


def assert_legible(figure, width=WIDTH):
    """Fail if a figure has another width, cut parts, small text, or texts that overlap."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    box = figure.get_tightbbox(renderer)
    wide, high = figure.get_size_inches()
    assert wide == width
    assert min(box.x0, box.y0) >= -0.01
    assert box.x1 <= wide + 0.01
    assert box.y1 <= high + 0.01
    unseen = _unseen(figure)
    texts = [
        text
        for text in figure.findobj(mpl.text.Text)
        if text.get_text().strip() and text.get_visible() and text not in unseen
    ]
    small = {text.get_text() for text in texts if text.get_fontsize() < LEAST_SIZE}
    assert not small, f"smaller than {LEAST_SIZE} points: {small}"
    overlapping = overlaps(texts, renderer, figure.dpi / 72)
    assert not overlapping, f"texts that overlap: {overlapping}"


def overlaps(texts, renderer, scale):
    """Pairs of texts whose boxes overlap; slanted texts have no box of their own."""
    straight = [text for text in texts if text.get_rotation() % 90 == 0]
    boxes = [text.get_window_extent(renderer) for text in straight]
    return [
        (a.get_text(), b.get_text())
        for (a, p), (b, q) in combinations(zip(straight, boxes, strict=True), 2)
        if min(p.x1, q.x1) - max(p.x0, q.x0) > TOUCH * scale
        and min(p.y1, q.y1) - max(p.y0, q.y0) > TOUCH * scale
    ]


def _unseen(figure):
    """The labels of ticks outside the limits of their axes, which are not drawn."""
    return {
        label
        for axis in figure.axes
        for line in (axis.xaxis, axis.yaxis)
        for label in line.get_ticklabels(which="both")
        if not _within(label.get_position()[line.axis_name == "y"], line.get_view_interval())
    }


def _within(place, ends):
    return min(ends) <= place <= max(ends)
