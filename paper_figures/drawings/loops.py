"""The figures: measurements as points and colours, closed forms from `theory` as lines over
them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec

import matplotlib as mpl
import numpy as np
import sympy as sp
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from ...numerics.formulas import numeric
from ...theory.formulas import formula
from .style import BLACK, BLUE, DASHED, ORANGE, PALE, RC, SOFT, Look, new_figure, save_figure

if TYPE_CHECKING:
    from ...models.measure.crossvalidate import CrossValidation

__all__ = [
    "crossvalidation_figure",
    "curves_figure",
    "residual_figure",
    "save_figure",
    "stable_sets_figure",
]

P = ParamSpec("P")

HALO = [withStroke(linewidth=2.6, foreground="white")]
TICKS = [m * 10.0**k for k in range(-3, 5) for m in (1, 3)]


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw with the project's style, whatever the caller's own matplotlib settings are; they are
    left alone.
    """

    @wraps(draw)
    def figure(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with mpl.rc_context():
            mpl.rcdefaults()
            mpl.rcParams.update(RC)
            return draw(*args, **kwargs)

    return figure


def plain_ticks(line: Axis, ends: np.ndarray | tuple[float, float]) -> None:
    """Ticks of a logarithmic axis at 1 and 3 times powers of ten, written as plain numbers."""
    line.set_major_locator(FixedLocator([t for t in TICKS if ends[0] <= t <= ends[-1]]))
    line.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    line.set_minor_locator(NullLocator())


@styled
def stable_sets_figure() -> Figure:
    """R4: where the scalar loops contract, abs(J) < 1, in the plane of W_x = x and A = y; and the
    share of Gaussian draws inside.

    Everything is closed form (formulas scalar_jacobian_*, *_stable_probability); nothing is
    sampled.
    """
    figure = new_figure(5.6)
    axes = figure.subplot_mosaic(
        [["internal", "external"], ["chance", "chance"]], height_ratios=(1.15, 1)
    )
    chance = axes["chance"]
    x, y = np.meshgrid(*[np.linspace(-4, 4, 601)] * 2)
    s = np.geomspace(0.05, 5, 60)
    for recall, colour, dash in (("internal", BLUE, "solid"), ("external", ORANGE, (0, (5, 2)))):
        axis, jacobian = axes[recall], f"scalar_jacobian_{recall}"
        multiplier = np.abs(numeric(jacobian)(x, y))
        axis.contourf(x, y, multiplier, levels=(0, 1), colors=[colour], alpha=0.45)
        axis.contour(x, y, multiplier, levels=(1,), colors=[colour], linewidths=1.2)
        axis.set(
            xlabel="state weight x",
            ylabel="update y",
            aspect="equal",
            xticks=(-4, -2, 0, 2, 4),
            yticks=(-4, -2, 0, 2, 4),
        )
        axis.set_title(f"{recall}: J = {sp.sstr(formula(jacobian).expression).replace('*', '·')}")
        probability = numeric(f"{recall}_stable_probability")
        label = f"{recall}: {float(probability(1.0)):.3f} at s = 1"
        chance.plot(s, probability(s), color=colour, linestyle=dash, label=label, gid=recall)
    axes["external"].set_ylabel("")
    chance.set(
        xscale="log",
        xlim=s[[0, -1]],
        ylim=(0, 1.03),
        xlabel="scale s of the weights x, y ~ N(0, s²)",
        ylabel="P(|J| < 1)",
    )
    chance.set_title("Share of Gaussian weights inside (closed form)")
    plain_ticks(chance.xaxis, s)
    chance.legend(loc="lower left")
    return figure


@styled
def residual_figure(results: Sequence[CrossValidation]) -> Figure:
    """Median relative step against loops per checkpoint, with the line 1/t of a settled drift
    (formula drift_relative_step).

    A step of exactly 0 (the state no longer changes by a bit) cannot be drawn on a logarithmic
    axis: the curve has a gap there.
    """
    figure = new_figure(3.5 + 0.1 * (len(results) + 1))  # room for the legend, two entries a row
    axis = figure.add_subplot()
    longest = max((len(r.residual_curve) for r in results), default=100)
    for label, r in zip(_labels([r.architecture for r in results]), results, strict=True):
        curve = np.array(r.residual_curve, dtype=float)
        drawable = np.isfinite(curve) & (curve > 0)
        axis.plot(
            np.arange(1, len(curve) + 1),
            np.where(drawable, curve, np.nan),
            **Look.of(r.architecture).line,
            label=label,
        )
    t = np.arange(1, longest + 1)
    axis.plot(
        t,
        numeric("drift_relative_step")(t),
        color=BLACK,
        linestyle=DASHED,
        linewidth=1.1,
        label="1/t (drift)",
    )
    axis.axhspan(1e-17, np.finfo(float).eps, color=PALE, zorder=0)
    axis.set(yscale="log", xlim=(0, longest + 1), xlabel="loop t", ylabel="relative step")
    axis.set_title("Straight fall: fixed point.  1/t: drift")
    axis.set_ylim(bottom=1e-17)
    corner: dict[str, Any] = {
        "xycoords": "axes fraction",
        "textcoords": "offset points",
        "ha": "right",
        "va": "bottom",
    }
    axis.annotate("below float64 resolution", (1, 0), (-3, 3), **corner, color=SOFT, fontsize=9)
    _legend(figure, [axis])
    return figure


@styled
def curves_figure(runs: Sequence[Mapping[str, Any]]) -> Figure:
    """Whole sequences right against loops: one panel per length, one line per run.

    A run is what training reports: `architecture`, `loops` (ascending), `accuracy` {length: share
    per loop count}.
    """
    lengths = sorted({int(bits) for run in runs for bits in run["accuracy"]})
    panels = max(1, len(lengths))
    figure = new_figure(0.7 + 0.1 * len(runs) + 1.7 * panels)
    axes = figure.subplots(panels, 1, sharex=True, squeeze=False)[:, 0]
    labels = _labels([run["architecture"] for run in runs])
    for axis, bits in zip(axes, lengths, strict=False):
        for label, run in zip(labels, runs, strict=True):
            if str(bits) in run["accuracy"]:
                axis.plot(
                    run["loops"],
                    run["accuracy"][str(bits)],
                    **Look.of(run["architecture"]).line,
                    label=label,
                )
        axis.set(ylim=(-0.03, 1.06), yticks=(0, 0.5, 1), ylabel="share right")
        axis.set_title(f"{bits} bits")
    if lengths:
        ends = (min(run["loops"][0] for run in runs), max(run["loops"][-1] for run in runs))
        axes[-1].set(xscale="log", xlim=(0.95 * ends[0], 1.05 * ends[1]), xlabel="loops")
        plain_ticks(axes[-1].xaxis, ends)
    else:
        _empty(axes[0], "no runs")
    _legend(figure, axes)
    return figure


@styled
def crossvalidation_figure(results: Sequence[CrossValidation]) -> Figure:
    """Two panels, one above the other, a point per measured fixed point and the diagonal of perfect
    agreement.

    Top: contraction read off the orbit's residual against rho of the Jacobian. Bottom: loops
    between two tolerances, counted against predicted from rho (X5), with the band of a factor 1.25
    beyond which a mismatch is listed.
    """
    from ...models.measure.crossvalidate import (
        BAND,
        COARSE,
        FINE,
    )  # only who has results has torch loaded

    figure = new_figure(6.2)
    axes = figure.subplots(2, 1)
    looks = [
        (label, Look.of(r.architecture))
        for label, r in zip(_labels([r.architecture for r in results]), results, strict=True)
    ]
    _agreement(axes[0], [[(c.rho, c.slope_rate) for c in r.convergence] for r in results], looks)
    _agreement(
        axes[1],
        [[(c.predicted_loops, c.measured_loops) for c in r.convergence] for r in results],
        looks,
        band=BAND,
    )
    axes[0].set(xlabel="ρ of the Jacobian at the fixed point", ylabel="rate of the residual")
    axes[0].set_title("Contraction per loop")
    axes[1].set(xlabel="loops predicted from ρ", ylabel="loops counted")
    coarse, fine = (f"$10^{{{np.log10(step):.0f}}}$" for step in (COARSE, FINE))
    axes[1].set_title(f"Loops from relative step {coarse} to {fine}")
    _legend(figure, axes)
    return figure


def _agreement(
    axis: Axes,
    pairs: list[list[tuple[Any, Any]]],
    looks: list[tuple[str, Look]],
    band: float | None = None,
) -> None:
    """Points of two quantities that should be equal; pairs of which one was not measured are left
    out.
    """
    drawn = []
    for found, (label, look) in zip(pairs, looks, strict=True):
        known = [p for p in found if all(v is not None and np.isfinite(v) for v in p)]
        if known:
            axis.plot(*np.array(known, dtype=float).T, **look.points, label=label)
            drawn += known
    if not drawn:
        _empty(axis, "no fixed point was measured")
        return
    ends = np.array([0.93, 1.07]) * (np.min(drawn), np.max(drawn))
    axis.plot(ends, ends, color=BLACK, linestyle=DASHED, linewidth=1.1, label="equal")
    if band is not None:
        axis.fill_between(
            ends, ends / band, ends * band, color=PALE, zorder=0, label=f"within a factor {band:g}"
        )
    axis.set(xlim=ends, ylim=ends)


def _empty(axis: Axes, text: str) -> None:
    axis.text(0.5, 0.5, text, transform=axis.transAxes, ha="center", va="center", color=SOFT)
    axis.set(xticks=[], yticks=[])


def _labels(architectures: Sequence[str]) -> list[str]:
    """Names of the curves: the architecture, numbered where it occurs more than once."""
    total, seen = Counter(architectures), Counter[str]()
    out = []
    for name in architectures:
        seen[name] += 1
        out.append(name if total[name] == 1 else f"{name} ({seen[name]})")
    return out


def _legend(figure: Figure, axes: Sequence[Axes] | np.ndarray) -> None:
    """One legend below all panels; an entry that several panels share is named once."""
    entries = {
        label: handle
        for axis in axes
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    if entries:
        figure.legend(list(entries.values()), list(entries), loc="outside lower left", ncols=2)
