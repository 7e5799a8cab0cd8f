"""Figure of the iteration from which an answer is proved constant, against its last change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.transforms import offset_copy

from .gallery import GalleryFigure
from .panels import empty_panel, plain_ticks, shared_legend
from .record_files import read_record
from .style import BLACK, DASHED, SOFT, Look, new_figure, styled

DATA = "certificates.jsonl"
APART = 5.0
"""Points between the marks of orbits whose answers change last at the same iteration."""


@styled
def constant_answers_figure(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Certified t_0 against the last change of the answer of the float orbit, a point for each.

    A line leads up to the iteration at which the orbit is proved to enter the ball that contracts.
    No point can lie below the diagonal: an answer that still changes is not constant. Points of one
    last change stand side by side.
    """
    figure = new_figure(2.7)
    axis = figure.add_subplot()
    if not rows:
        empty_panel(axis, "nothing was certified")
        return figure
    total, seen = Counter(row["last_change"] for row in rows), Counter[int]()
    for row in rows:
        x, proved, entered = row["last_change"], row["settled"], row["entered"]
        beside = APART * (seen[x] - (total[x] - 1) / 2)
        seen[x] += 1
        at: dict[str, Any] = {
            "transform": offset_copy(axis.transData, figure, beside, units="points")
        }
        look = Look.of(row["architecture"])
        axis.plot((x, x), (proved, entered), color=SOFT, linewidth=0.7, zorder=1, **at)
        mark: dict[str, Any] = {"color": SOFT, "marker": "_", "linestyle": "none"}
        axis.plot(x, entered, **mark, label="enters a contracting ball", **at)
        axis.plot(x, proved, **look.points, label=row["architecture"], gid=row["checkpoint"], **at)
    last = np.array([1, 1.5 * max(total)])
    axis.plot(last, last, color=BLACK, linestyle=DASHED, linewidth=0.9, label="equal")
    axis.set(xscale="log", yscale="log", xlim=last)
    axis.set_ylim(1, 1.5 * max(row["entered"] for row in rows))
    for line in (axis.xaxis, axis.yaxis):
        plain_ticks(line, line.get_view_interval())
    axis.set(xlabel="last change of the float orbit's answer", ylabel="proved constant from $t_0$")
    axis.set_title(f"Answers proved for ever: {len(rows)} orbits")
    shared_legend(figure, [axis])
    return figure


FIGURE = GalleryFigure(
    lambda: constant_answers_figure(read_record(DATA)),
    "The iteration t_0 from which the answer is proved constant for ever, against the last change"
    " that the float orbit shows, of the same input of a trained loop. In all 6 the two are equal,"
    " long before the orbit enters a ball that contracts.",
    section="Prediction and measurement on trained loops",
    data=(DATA,),
    commands=(
        "python benchmarks/certificates.py --inputs 1 --only"
        " prefix-sums-16-{external-peri,external-post,internal-post,none-post}-s0"
        " sudoku-4x4-{external-peri,internal-post}-s0"
        f" --out FILE --summary {DATA}",
    ),
)
