"""The figures: measurements as points and colours, closed forms from `theory` as lines over them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec

import matplotlib as mpl
import numpy as np
import sympy as sp
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator, ScalarFormatter

from numerics import numeric
from paper_figures.style import BLACK, BLUE, ORANGE, RC, SOFT, VERMILLION, Look, new_figure, save_figure
from theory.formulas import formula
from theory.outcome import Outcome

if TYPE_CHECKING:
    from models.crossvalidate import CrossValidation
    from numerics import PhaseDiagram

__all__ = ["crossvalidation_figure", "curves_figure", "phase_figure", "residual_figure", "save_figure", "stable_sets_figure"]

P = ParamSpec("P")

LEVELS = (0.5, 0.7, 0.8, 0.9, 0.95)
"""Spectral radii whose level lines are drawn over a phase diagram."""

TRUSTED = 3.0
"""Finite-width scaling variable from which the mean-field law is to be trusted (N6)."""

MARKS = {
    Outcome.CRITICAL: "^", Outcome.CYCLE: "o", Outcome.APERIODIC: "x", Outcome.DRIFT: ">", Outcome.GROWTH: "P",
    Outcome.EXPLOSION: "*", Outcome.UNDECIDED: ".", Outcome.NON_FINITE: "s",
}  # fmt: skip

HALO = [withStroke(linewidth=2.6, foreground="white")]
NO_POINTS = "no orbit reached a fixed point"


def _styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw with the project's style, whatever the caller's own matplotlib settings are; they are left alone."""

    @wraps(draw)
    def figure(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with mpl.rc_context():
            mpl.rcdefaults()
            mpl.rcParams.update(RC)
            return draw(*args, **kwargs)

    return figure


@_styled
def phase_figure(diagram: PhaseDiagram) -> Figure:
    """Measured rho over sigma x beta (colour), outcomes other than a fixed point (marks), and the law N6 on top (lines).

    Solid: beta at which the closed form gives rho = 0.5 ... 0.95 (formula mean_field_level). Dashed: (beta/sigma) d^(1/4) = 3
    (formula scaling_variable), above which the width is too small for the law.
    """
    figure = new_figure(6.1)
    axis = figure.add_subplot()
    sigma_edges, beta_edges = _edges(diagram.sigma), _edges(diagram.beta)
    colours = mpl.colormaps["cividis"].with_extremes(over=VERMILLION, bad="#c9ced3")
    mesh = axis.pcolormesh(beta_edges, sigma_edges, np.ma.masked_invalid(diagram.rho), cmap=colours, vmin=0, vmax=1, rasterized=True)
    axis.set(
        xscale="log", yscale="log", xlim=beta_edges[[0, -1]], ylim=sigma_edges[[0, -1]], xlabel="recall strength β", ylabel="weight scale σ",
        title=f"Loop N({diagram.residual:g}·h + A h + β e), width {diagram.width}",
    )  # fmt: skip
    axis.grid(False)
    _plain_ticks(axis)
    bar = figure.colorbar(mesh, ax=axis, location="bottom", extend="max", aspect=32, shrink=0.92)
    bar.set_label("measured spectral radius ρ at the fixed point (red: ρ > 1)")
    handles: list[Any] = _marks(axis, diagram)
    sigma = np.geomspace(sigma_edges[0], sigma_edges[-1], 300)
    for rho in LEVELS:
        beta = numeric("mean_field_level")(diagram.residual, sigma, rho)
        axis.plot(beta, sigma, color=BLACK, linewidth=1.2, path_effects=HALO, label=f"ρ = {rho:g}", gid=f"level-{rho:g}")
        _label_line(axis, beta, sigma, f"{rho:g}")
    handles.append(Line2D([], [], color=BLACK, linewidth=1.2, label="law N6: level lines of ρ"))
    axis.plot(
        _trusted_beta(sigma, diagram.width), sigma, color=BLACK, linestyle=(0, (4, 2)), linewidth=1.6, path_effects=HALO, gid="trusted"
    )
    handles.append(
        Line2D([], [], color=BLACK, linestyle=(0, (4, 2)), linewidth=1.6, label=f"(β/σ) d^¼ = {TRUSTED:g}: law holds to the right")
    )
    if np.isnan(diagram.rho).any():
        handles.append(Patch(color="#c9ced3", label=f"no fixed point ({int(np.isnan(diagram.rho).sum())} cells)"))
    figure.legend(handles=handles, loc="outside lower left", ncols=1, handlelength=2.4)
    return figure


def _edges(centres: np.ndarray) -> np.ndarray:
    """Cell edges halfway between centres on a logarithmic axis."""
    log = np.log(centres)
    middle = (log[1:] + log[:-1]) / 2
    return np.exp(np.concatenate([[2 * log[0] - middle[0]], middle, [2 * log[-1] - middle[-1]]]))


def _trusted_beta(sigma: np.ndarray, width: int) -> np.ndarray:
    law = formula("scaling_variable")
    scale, beta, d = law.symbols
    (solution,) = sp.solve(sp.Eq(law.expression, TRUSTED), beta)
    return sp.lambdify((scale, d), solution, "numpy")(sigma, float(width))


def _marks(axis: Axes, diagram: PhaseDiagram) -> list[Line2D]:
    """Mark the cells whose orbits did not reach a fixed point; the legend says how many there are."""
    beta, sigma = np.meshgrid(diagram.beta, diagram.sigma)
    counts = Counter(str(o) for o in diagram.outcome.flat)
    handles = []
    for outcome, mark in MARKS.items():
        here = diagram.outcome == str(outcome)
        if here.any():
            axis.plot(
                beta[here],
                sigma[here],
                mark,
                color=BLACK,
                markersize=3.4,
                markeredgewidth=0.9,
                markerfacecolor="none",
                gid=f"outcome-{outcome}",
            )
            handles.append(
                Line2D(
                    [], [], color=BLACK, marker=mark, linestyle="none", markerfacecolor="none", label=f"{outcome} ({counts[outcome]} cells)"
                )
            )
    handles.append(
        Line2D([], [], linestyle="none", label=f"no mark: fixed point ({counts[Outcome.FIXED_POINT]} of {diagram.outcome.size} cells)")
    )
    return handles


def _label_line(axis: Axes, x: np.ndarray, y: np.ndarray, text: str) -> None:
    """Write `text` along a line at the height of a quarter of the axis; nothing if the line is outside there."""
    (left, right), (low, high) = axis.get_xlim(), axis.get_ylim()
    i = int(np.argmin(np.abs(np.log(y) - (0.75 * np.log(low) + 0.25 * np.log(high)))))
    if not left < x[i] < right:
        return
    slope = np.degrees(np.arctan2(np.log(y[i + 1] / y[i]) / np.log(high / low), np.log(x[i + 1] / x[i]) / np.log(right / left)))
    axis.text(
        x[i], y[i], text, rotation=slope, rotation_mode="anchor", ha="center", va="bottom", fontsize=9.5, path_effects=HALO, clip_on=True
    )


def _plain_ticks(axis: Axes) -> None:
    for line, (low, high) in ((axis.xaxis, axis.get_xlim()), (axis.yaxis, axis.get_ylim())):
        ticks = [t for t in (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000) if low <= t <= high]
        line.set_major_locator(FixedLocator(ticks))
        line.set_major_formatter(_General())
        line.set_minor_locator(NullLocator())
        line.set_minor_formatter(NullFormatter())


class _General(ScalarFormatter):
    def __call__(self, x: float, pos: int | None = None) -> str:
        return f"{x:g}"


@_styled
def stable_sets_figure() -> Figure:
    """R4: where the scalar loops contract, abs(J) < 1, in the plane of W_x = x and A = y; and the share of Gaussian draws inside.

    Everything is closed form (formulas scalar_jacobian_*, *_stable_probability); nothing is sampled.
    """
    figure = new_figure(5.4)
    top, bottom = figure.subfigures(2, 1, height_ratios=(1.15, 1))
    axes = top.subplots(1, 2, sharey=True)
    grid = np.linspace(-4, 4, 601)
    x, y = np.meshgrid(grid, grid)
    for axis, recall, colour in zip(axes, ("internal", "external"), (BLUE, ORANGE), strict=True):
        multiplier = np.abs(numeric(f"scalar_jacobian_{recall}")(x, y))
        axis.contourf(x, y, multiplier, levels=(0, 1), colors=[colour], alpha=0.45)
        axis.contour(x, y, multiplier, levels=(1,), colors=[colour], linewidths=1.2)
        expression = sp.sstr(formula(f"scalar_jacobian_{recall}").expression).replace("*", "·")
        axis.set(
            title=f"{recall} recall\nJ = {expression}",
            xlabel="state weight x",
            aspect="equal",
            xticks=(-4, -2, 0, 2, 4),
            yticks=(-4, -2, 0, 2, 4),
        )
    axes[0].set_ylabel("update y")
    chance = bottom.subplots()
    s = np.geomspace(0.05, 5, 60)
    for recall, colour, dash in (("internal", BLUE, "solid"), ("external", ORANGE, (0, (5, 2)))):
        probability = numeric(f"{recall}_stable_probability")
        chance.plot(s, probability(s), color=colour, linestyle=dash, label=f"{recall}: {float(probability(1.0)):.3f} at s = 1")
    chance.set(
        xscale="log", ylim=(0, 1.03), xlabel="scale s of the Gaussian weights x, y ~ N(0, s²)", title="Share of random weights inside (closed form)",
        ylabel="P(|J| < 1)",
    )  # fmt: skip
    chance.set_xlim(s[0], s[-1])
    _plain_ticks(chance)
    chance.legend(loc="lower left")
    return figure


@_styled
def residual_figure(results: Sequence[CrossValidation]) -> Figure:
    """Median relative step against loops per checkpoint, with the line c/t, c = 1, of a settled drift (formula drift_relative_step).

    A step of exactly 0 (the state no longer changes by a bit) cannot be drawn on a logarithmic axis: the curve ends there.
    """
    figure = new_figure(3.9)
    axis = figure.add_subplot()
    longest = max((len(r.residual_curve) for r in results), default=1)
    for label, r in zip(_labels([r.architecture for r in results]), results, strict=True):
        curve = np.array(r.residual_curve, dtype=float)
        axis.plot(np.arange(1, len(curve) + 1), np.where(curve > 0, curve, np.nan), **Look.of(r.architecture).line, label=label)
    t = np.arange(1, longest + 1)
    axis.plot(t, numeric("drift_relative_step")(t), color=BLACK, linestyle=(0, (4, 2)), linewidth=1.1, label="1/t (drift)")
    axis.axhspan(0, np.finfo(float).eps, color="#eceff2", zorder=0)
    axis.set(yscale="log", xlim=(0, longest + 1), xlabel="loop t", ylabel="relative step", title="Straight fall: fixed point.  1/t: drift")
    axis.set_ylim(bottom=1e-17)
    axis.annotate(
        "below float64 resolution",
        (1, 0),
        (-3, 3),
        "axes fraction",
        textcoords="offset points",
        ha="right",
        va="bottom",
        color=SOFT,
        fontsize=9,
    )
    figure.legend(loc="outside lower left", ncols=2)
    return figure


@_styled
def curves_figure(runs: Sequence[Mapping[str, Any]]) -> Figure:
    """Whole sequences right against loops: one panel per length, one line per run.

    A run is what training reports: `architecture`, `loops` (ascending), `accuracy` {length: share per loop count}.
    """
    lengths = sorted({int(bits) for run in runs for bits in run["accuracy"]})
    panels = max(1, len(lengths))
    figure = new_figure(1.0 + 1.9 * panels)
    axes = np.atleast_1d(figure.subplots(panels, 1, sharex=True))
    labels = _labels([run["architecture"] for run in runs])
    for axis, bits in zip(axes, lengths, strict=False):
        for label, run in zip(labels, runs, strict=True):
            if str(bits) in run["accuracy"]:
                axis.plot(run["loops"], run["accuracy"][str(bits)], **Look.of(run["architecture"]).line, label=label)
        axis.set(ylim=(-0.03, 1.06), xscale="log", ylabel="whole right", yticks=(0, 0.5, 1), title=f"{bits} bits")
    if lengths:
        _plain_ticks_loops(axes[-1])
    else:
        _empty(axes[0], "no runs")
    axes[-1].set_xlabel("loops")
    _legend(figure, axes)
    return figure


def _plain_ticks_loops(axis: Axes) -> None:
    axis.xaxis.set_major_locator(FixedLocator([1, 3, 10, 30, 100, 300, 1000, 3000]))
    axis.xaxis.set_major_formatter(_General())
    axis.xaxis.set_minor_locator(NullLocator())


@_styled
def crossvalidation_figure(results: Sequence[CrossValidation]) -> Figure:
    """Two panels, one above the other, each with the diagonal of perfect agreement, a point per measured fixed point.

    Top: contraction read off the orbit's residual against rho of the Jacobian. Bottom: loops between two tolerances, counted
    against predicted from rho (X5), with the band of a factor 1.25 beyond which a mismatch is listed.
    """
    figure = new_figure(7.4)
    axes = figure.subplots(2, 1)
    labels = _labels([r.architecture for r in results])
    rates = [[(c.rho, c.slope_rate) for c in r.convergence] for r in results]
    loops = [[(c.predicted_loops, c.measured_loops) for c in r.convergence] for r in results]
    _agreement(axes[0], rates, results, labels)
    _agreement(axes[1], loops, results, labels, band=1.25)
    axes[0].set(xlabel="ρ of the Jacobian at the fixed point", ylabel="rate of the residual", title="Contraction per loop")
    axes[1].set(xlabel="predicted from ρ", ylabel="counted", title="Loops from one tolerance to the other")
    _legend(figure, axes)
    return figure


def _agreement(
    axis: Axes, pairs: list[list[tuple[Any, Any]]], results: Sequence[CrossValidation], labels: list[str], band: float | None = None
) -> None:
    drawn = []
    for found, r, label in zip(pairs, results, labels, strict=True):
        points = np.array([p for p in found if all(v is not None and np.isfinite(v) and v > 0 for v in p)], dtype=float).reshape(-1, 2)
        if len(points):
            axis.plot(*points.T, **Look.of(r.architecture).points, label=f"{label}, {len(points)} inputs")
            drawn.append(points)
    if not drawn:
        return _empty(axis, NO_POINTS)
    values = np.concatenate(drawn)
    ends = np.array([0.9 * values.min(), 1.1 * values.max()])
    axis.plot(ends, ends, color=BLACK, linestyle=(0, (4, 2)), linewidth=1.1, label="equal", gid="diagonal")
    if band is not None:
        axis.fill_between(ends, ends / band, ends * band, color="#eceff2", zorder=0, label=f"within a factor {band:g}")
    axis.set(xlim=ends, ylim=ends, aspect="equal")
    return None


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
    entries = {label: handle for axis in axes for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    if entries:
        figure.legend(list(entries.values()), list(entries), loc="outside lower left", ncols=2)
