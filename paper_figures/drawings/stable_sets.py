"""Figure of the stable sets of the scalar loops (R4)."""

from __future__ import annotations

import numpy as np
import sympy as sp
from matplotlib.figure import Figure

from ...numerics.formulas import numeric
from ...theory.architecture import Recall
from ...theory.formulas import formula
from .gallery import GalleryFigure
from .panels import plain_ticks
from .style import RECALL_COLOUR, new_figure, styled

DASHES = {Recall.INTERNAL: "solid", Recall.EXTERNAL: (0, (5, 2))}
"""The dashes of each recall."""
RANGE = 4
"""Largest absolute value of the weight x and of the update y that is drawn."""


@styled
def stable_sets_figure() -> Figure:
    """R4: where the scalar loops contract, abs(J) < 1, in the plane of W_x = x and A = y.

    Below: the share of Gaussian weights inside. Everything is closed form (formulas
    scalar_jacobian_*, *_stable_probability); nothing is sampled.
    """
    figure = new_figure(5.6)
    axes = figure.subplot_mosaic(
        [["internal", "external"], ["chance", "chance"]], height_ratios=(1.15, 1)
    )
    chance = axes["chance"]
    x, y = np.meshgrid(*[np.linspace(-RANGE, RANGE, 601)] * 2)
    s = np.geomspace(0.05, 5, 60)
    ticks = (-4, -2, 0, 2, 4)
    for recall, dash in DASHES.items():
        colour = RECALL_COLOUR[recall]
        axis, jacobian = axes[recall], f"scalar_jacobian_{recall}"
        multiplier = np.abs(numeric(jacobian)(x, y))
        axis.contourf(x, y, multiplier, levels=(0, 1), colors=[colour], alpha=0.45)
        axis.contour(x, y, multiplier, levels=(1,), colors=[colour], linewidths=1.2)
        axis.set(xlabel="state weight x", ylabel="update y", aspect="equal")
        axis.set(xticks=ticks, yticks=ticks)
        axis.set_title(f"{recall}: J = {sp.sstr(formula(jacobian).expression).replace('*', '·')}")
        probability = numeric(f"{recall}_stable_probability")
        label = f"{recall}: {float(probability(1.0)):.3f} at s = 1"
        chance.plot(s, probability(s), color=colour, linestyle=dash, label=label, gid=recall)
    axes["external"].set_ylabel("")
    chance.set(xscale="log", xlim=s[[0, -1]], ylim=(0, 1.03))
    chance.set(xlabel="scale s of the weights x, y ~ N(0, s²)", ylabel="P(|J| < 1)")
    chance.set_title("Share of Gaussian weights inside (closed form)")
    plain_ticks(chance.xaxis, s)
    chance.legend(loc="lower left")
    return figure


FIGURE = GalleryFigure(
    stable_sets_figure,
    "Stable sets of the scalar maps (R4), in closed form, with the share of Gaussian parameters"
    " that they catch.",
    section="What is proved",
)
