"""Figure of the stable sets of the scalar loops (R4)."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from matplotlib.figure import Figure

from ...numerics.anisotropy.nearest_points import nearest_stable
from ...numerics.formulas import numeric
from ...theory.architecture import Recall
from ...theory.formulas import formula
from .gallery import GalleryFigure
from .panels import plain_ticks
from .style import BLACK, RECALL_COLOUR, SOFT, new_figure, styled

DASHES = {Recall.INTERNAL: "solid", Recall.EXTERNAL: (0, (5, 2))}
"""The dashes of each recall."""
DOT: dict[str, Any] = {"marker": "o", "linestyle": "none", "color": BLACK, "markeredgewidth": 0.3}
BESIDE: dict[Recall, dict[str, Any]] = {
    Recall.INTERNAL: {"xytext": (-4, -9), "textcoords": "offset points", "ha": "right"},
    Recall.EXTERNAL: {"xytext": (4, 2), "textcoords": "offset points", "ha": "left"},
}
"""Where the labels of the curves stand, from the point at s = 1."""
RANGE = 4
"""Largest absolute value of the weight x and of the update y that is drawn."""
DRAWS, SCALE, SEED = 60, 2.0, 0
"""Weights that are drawn from N(0, SCALE^2), and the seed."""


def projections(recall: Recall) -> tuple[np.ndarray, np.ndarray]:
    """Draws outside the stable set, and the nearest points of its closure; both (2, draws)."""
    drawn = np.random.default_rng(SEED).normal(0, SCALE, (DRAWS, 2)).T
    outside = np.abs(numeric(f"scalar_jacobian_{recall}")(*drawn)) >= 1
    start = drawn[:, outside]
    return start, np.stack(nearest_stable(recall, *start))


@styled
def stable_sets_figure() -> Figure:
    """R4: where the scalar loops contract, abs(J) < 1, in the plane of W_x = x and A = y.

    Thin lines lead from Gaussian weights outside to the nearest stable weights. Below: the share of
    Gaussian weights inside, in closed form (formulas scalar_jacobian_*, *_stable_probability).
    """
    figure = new_figure(3.4)
    cells = figure.add_gridspec(2, 1, height_ratios=(1.25, 1))
    above, below = (figure.add_subfigure(cell) for cell in cells)
    axes = dict(zip(DASHES, above.subplots(1, 2, sharey=True), strict=True))
    chance = below.subplots()
    x, y = np.meshgrid(*[np.linspace(-RANGE, RANGE, 601)] * 2)
    s = np.geomspace(0.05, 5, 60)
    for recall, dash in DASHES.items():
        colour = RECALL_COLOUR[recall]
        axis, jacobian = axes[recall], f"scalar_jacobian_{recall}"
        multiplier = np.abs(numeric(jacobian)(x, y))
        axis.contourf(x, y, multiplier, levels=(0, 1), colors=[colour], alpha=0.4)
        axis.contour(x, y, multiplier, levels=(1,), colors=[colour], linewidths=1)
        start, end = projections(recall)
        axis.plot(*np.stack((start, end), axis=1), color=SOFT, linewidth=0.6, gid="projection")
        axis.plot(*end, **{**DOT, "markerfacecolor": colour}, markersize=2.4)
        ticks = (-4, -2, 0, 2, 4)
        axis.set(xlim=(-RANGE, RANGE), ylim=(-RANGE, RANGE), xticks=ticks, yticks=ticks)
        axis.set(xlabel="state weight x", aspect="equal")
        axis.set_title(f"{recall}: J = {sp.sstr(formula(jacobian).expression).replace('*', '·')}")
        probability = numeric(f"{recall}_stable_probability")
        chance.plot(s, probability(s), color=colour, linestyle=dash, gid=recall)
        at = float(probability(1.0))
        chance.plot([1], [at], **{**DOT, "markerfacecolor": colour})
        chance.annotate(f"{recall}: {at:.3f}", (1, at), **BESIDE[recall])
    axes[Recall.INTERNAL].set_ylabel("update y")
    chance.set(xscale="log", xlim=s[[0, -1]], ylim=(0, 1.06), yticks=(0, 0.5, 1))
    chance.set(xlabel="scale s of the weights x, y ~ N(0, s²)")
    chance.set_title("Share of Gaussian weights with |J| < 1; dots: at s = 1")
    plain_ticks(chance.xaxis, s)
    return figure


FIGURE = GalleryFigure(
    stable_sets_figure,
    "Stable weights of the scalar loops (R4). Lines lead from Gaussian weights outside to the"
    " nearest stable ones: with internal recall many of these lie on an axis, with external recall"
    " none does.",
    section="What is proved",
)
