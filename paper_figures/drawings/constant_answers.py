"""Figure of the iteration from which an answer is proved constant, against its last change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from .gallery import GalleryFigure
from .panels import empty_panel, shared_legend
from .record_files import read_record
from .style import BLACK, DASHED, SOFT, Look, new_figure, styled

DATA = "certificates.jsonl"


@styled
def constant_answers_figure(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Certified t_0 against the last change of the answer of the float orbit, a point for each.

    A line leads up to the iteration at which the orbit is proved to enter the ball that contracts.
    No point can lie below the diagonal: an answer that still changes is not constant.
    """
    figure = new_figure(2.7)
    axis = figure.add_subplot()
    if not rows:
        empty_panel(axis, "nothing was certified")
        return figure
    for row in rows:
        x, proved, entered = row["last_change"], row["settled"], row["entered"]
        look = Look.of(row["architecture"])
        axis.plot((x, x), (proved, entered), color=SOFT, linewidth=0.7, zorder=1)
        axis.plot(x, entered, color=SOFT, marker="_", linestyle="none", label="enters the ball")
        axis.plot(x, proved, **look.points, label=row["architecture"], gid=row["checkpoint"])
    most = 1.5 * max(max(row["last_change"], row["entered"]) for row in rows)
    ends = np.array([1, most])
    axis.plot(ends, ends, color=BLACK, linestyle=DASHED, linewidth=0.9, label="equal")
    axis.set(xscale="log", yscale="log", xlim=ends, ylim=ends)
    axis.set(xlabel="last change of the float orbit's answer", ylabel="proved constant from $t_0$")
    axis.set_title(f"Answers proved for ever: {len(rows)} orbits")
    shared_legend(figure, [axis])
    return figure


FIGURE = GalleryFigure(
    lambda: constant_answers_figure(read_record(DATA)),
    "The iteration t_0 from which the answer is proved constant for ever, against the last change"
    " that the float orbit shows. Both are of the same input of a trained loop.",
    section="Prediction and measurement on trained loops",
    data=DATA,
    command="python benchmarks/certificates.py --inputs 1 --only '*external-p*-s0' --out FILE",
)
