"""Figure of how often random networks have more than one fixed point, by gain and dimension."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from ...numerics.formulas import numeric
from ...numerics.proportion import wilson
from .gallery import GalleryFigure
from .panels import shared_legend
from .record_files import read_record
from .style import BLACK, DASHED, SOFT, new_figure, size_colours, styled

if TYPE_CHECKING:
    from ...numerics.certificates.counts import Counts

DATA = "fixed_point_counts.json"
LOOPS = {
    "tanh": "h' = tanh(g G h) + b",
    "relu": "h' = g G relu(h) + b",
    "norm-tanh": "h' = N(h + g G tanh(h) + x)",
    "norm-linear": "h' = N(h + g G h + x)",
}
"""The ensembles as formulas."""
MARKERS = "osD^v"
NODES = 2001
"""Weights at which the law of scalar networks is summed, by the trapezoidal rule."""


@styled
def count_figure(rows: Sequence[Counts]) -> Figure:
    """Share of the networks with more than one fixed point, by gain, a line for each dimension.

    Every count is a proof, and only the shares are estimates: bars are Wilson's 95 % intervals, in
    which an undecided network may have any count. The dashed line is the probability by the law of
    Kac and Rice (M3), for scalar tanh networks; crosses are that probability given the drawn
    weights, which all gains share. `rows` are of one ensemble; there must be at least one.
    """
    figure = new_figure(2.5)
    axis = figure.add_subplot()
    sizes = sorted({row.size for row in rows})
    shades = size_colours(len(sizes))
    for k, (size, shade) in enumerate(zip(sizes, shades, strict=True)):
        own = sorted((row for row in rows if row.size == size), key=lambda row: row.gain)
        gains, shares = np.array([row.gain for row in own]), np.array([_share(r) for r in own])
        low, middle, high = shares.T
        look: dict[str, Any] = {"color": shade, "marker": MARKERS[k % len(MARKERS)]}
        line = axis.errorbar(
            gains, middle, (middle - low, high - middle), **look, linewidth=0.9, elinewidth=0.8
        )
        line.lines[0].set_gid(f"size-{size}")
        line.set_label(f"d = {size}, certified")
    if rows[0].ensemble == "tanh" and 1 in sizes:
        gains = np.linspace(0, max(row.gain for row in rows), 60)
        law = [scalar_chance(float(gain)) for gain in gains]
        look = {"color": BLACK, "linestyle": DASHED, "linewidth": 1.1}
        axis.plot(gains, law, **look, label="d = 1, Kac-Rice", gid="law")
        given = [(r.gain, (r.kac_rice - 1) / 2) for r in rows if r.kac_rice is not None]
        if given:
            mark: dict[str, Any] = {"color": BLACK, "marker": "x", "linestyle": "none", "zorder": 4}
            axis.plot(*np.array(given).T, **mark, label="the same, given the weights", gid="given")
    undecided = sum(row.undecided for row in rows)
    networks = sorted({row.networks for row in rows})
    text = f"{networks[0]:,} networks a point; {undecided} undecided"
    if len(networks) > 1:
        text = f"{networks[0]:,} to {networks[-1]:,} networks a point; {undecided} undecided"
    axis.text(0.03, 0.97, text, transform=axis.transAxes, va="top", color=SOFT)
    axis.set(xlabel="gain g of the weights", ylabel="share with more than one", xlim=(0, None))
    axis.set_ylim(0, 1.25 * axis.get_ylim()[1])
    axis.set_title(f"More than one fixed point: {LOOPS[rows[0].ensemble]}")
    shared_legend(figure, [axis])
    return figure


def scalar_chance(gain: float) -> float:
    """P(three fixed points) of h' = tanh(gain w h) + b, w and b standard normal (M3).

    Given the slope a = gain w, the expected count is 1 + 2 P(three) for a > 1, and 1 below.
    """
    if gain <= 0:
        return 0.0
    w = np.linspace(1 / gain, max(1 / gain + 10, 10), NODES)[1:]
    # tanh(a h) + b = h is u = a tanh(u) + a b with u = a h: the offset has the scale a
    chance = (numeric("tanh_expected_count")(gain * w, gain * w) - 1) / 2
    density = np.exp(-(w**2) / 2) / np.sqrt(2 * np.pi)
    return float(np.trapezoid(np.append(0.0, chance * density), np.append(1 / gain, w)))


def shipped_counts() -> list[Counts]:
    """The certified counts among the data of the package."""
    from ...numerics.certificates.counts import Counts

    names = [field.name for field in fields(Counts)]
    rows = read_record(DATA)
    for row in rows:
        row["histogram"] = {int(count): n for count, n in row["histogram"].items()}
    return [Counts(**{name: row[name] for name in names}) for row in rows]


def _share(row: Counts) -> tuple[float, float, float]:
    """Lower end, share and upper end; the share is that of the decided networks."""
    several = sum(n for count, n in row.histogram.items() if count > 1)
    decided = row.networks - row.undecided
    middle = several / decided if decided else np.nan
    low, high = wilson(several, row.networks)[0], wilson(several + row.undecided, row.networks)[1]
    return min(low, middle), middle, max(high, middle)


FIGURE = GalleryFigure(
    lambda: count_figure(shipped_counts()),
    "Share of random tanh networks with more than one fixed point, each count proved (95 %"
    " intervals of the shares), and the law of Kac and Rice for scalar networks. Networks of one"
    " dimension share their random numbers across the gains.",
    section="What is proved",
    data=(DATA,),
    commands=(
        "loopstab count --ensemble tanh --sizes 1 2 3 --gains 1 2 4 8 --networks 500 --seed 0"
        " --max-boxes 200000 --out FOLDER",
    ),
)
