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
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from numerics import numeric
from paper_figures.style import BLACK, BLUE, DASHED, ORANGE, PALE, RC, SOFT, VERMILLION, Look, new_figure, save_figure
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
    Outcome.EXPLOSION: "*", Outcome.UNDECIDED: "_", Outcome.NON_FINITE: "s",
}  # fmt: skip

HALO = [withStroke(linewidth=2.6, foreground="white")]
MISSING = "#c9ced3"
TICKS = [m * 10.0**k for k in range(-3, 5) for m in (1, 3)]


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
    (formula scaling_variable); to its left the width is too small for the law. Colours belong to the fixed point of largest s,
    marks to the orbit of a random state, which may go elsewhere.
    """
    figure = new_figure(6.3)
    axis = figure.add_subplot()
    sigma_edges, beta_edges = _edges(diagram.sigma), _edges(diagram.beta)
    colours = mpl.colormaps["cividis"].with_extremes(over=VERMILLION, bad=MISSING)
    rho = np.ma.masked_invalid(diagram.rho)
    mesh = axis.pcolormesh(beta_edges, sigma_edges, rho, cmap=colours, vmin=0, vmax=1, rasterized=True)
    axis.set(xscale="log", yscale="log", xlim=beta_edges[[0, -1]], ylim=sigma_edges[[0, -1]])
    axis.set(xlabel="recall strength β", ylabel="weight scale σ")
    axis.set_title(f"Loop N(a h + A h + β e), a = {diagram.residual:g}, width {diagram.width}")
    axis.grid(False)
    _plain_ticks(axis.xaxis, beta_edges)
    _plain_ticks(axis.yaxis, sigma_edges)
    bar = figure.colorbar(mesh, ax=axis, location="bottom", extend="max", aspect=32, shrink=0.92)
    bar.set_label("measured ρ at the fixed point of largest s (red: ρ > 1)")
    handles: list[Any] = _marks(axis, diagram)
    sigma = np.geomspace(sigma_edges[0], sigma_edges[-1], 300)
    for level in LEVELS:
        beta = numeric("mean_field_level")(diagram.residual, sigma, level)
        axis.plot(beta, sigma, color=BLACK, linewidth=1.2, path_effects=HALO, gid=f"level-{level:g}")
        _label_line(axis, beta, sigma, f"{level:g}")
    handles.append(Line2D([], [], color=BLACK, linewidth=1.2, label="law N6: level lines of ρ"))
    dashed: dict[str, Any] = {"color": BLACK, "linestyle": DASHED, "linewidth": 1.6}
    axis.plot(_trusted_beta(sigma, diagram.width), sigma, **dashed, path_effects=HALO, gid="trusted")
    handles.append(Line2D([], [], **dashed, label=f"$(β/σ)\\,d^{{1/4}}$ = {TRUSTED:g}: law trusted to the right"))
    missing = int(np.isnan(diagram.rho).sum())
    if missing:
        handles.append(Patch(color=MISSING, label=f"no fixed point ({missing} cells)"))
    figure.legend(handles=handles, loc="outside lower left", handlelength=2.4)
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
            look: dict[str, Any] = {"color": BLACK, "marker": mark, "linestyle": "none", "markerfacecolor": "none", "markersize": 3.6}
            axis.plot(beta[here], sigma[here], **look, markeredgewidth=0.9, gid=f"outcome-{outcome}")
            handles.append(Line2D([], [], **look, label=f"{outcome} ({counts[outcome]} cells)"))
    fixed = f"no mark: fixed point ({counts[Outcome.FIXED_POINT]} of {diagram.outcome.size} cells)"
    return [*handles, Line2D([], [], linestyle="none", label=fixed)]


def _label_line(axis: Axes, x: np.ndarray, y: np.ndarray, text: str) -> None:
    """Write `text` along a line at the height of a quarter of the axis; nothing if the line is outside there."""
    (left, right), (low, high) = axis.get_xlim(), axis.get_ylim()
    i = int(np.argmin(np.abs(np.log(y) - (0.75 * np.log(low) + 0.25 * np.log(high)))))
    if not left < x[i] < right:
        return
    rise, run = np.log(y[i + 1] / y[i]) / np.log(high / low), np.log(x[i + 1] / x[i]) / np.log(right / left)
    look: dict[str, Any] = {"rotation_mode": "anchor", "ha": "center", "va": "bottom", "fontsize": 9.5, "path_effects": HALO}
    axis.text(x[i], y[i], text, rotation=float(np.degrees(np.arctan2(rise, run))), clip_on=True, **look)


def _plain_ticks(line: Axis, ends: np.ndarray | tuple[float, float]) -> None:
    """Ticks of a logarithmic axis at 1 and 3 times powers of ten, written as plain numbers."""
    line.set_major_locator(FixedLocator([t for t in TICKS if ends[0] <= t <= ends[-1]]))
    line.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    line.set_minor_locator(NullLocator())


@_styled
def stable_sets_figure() -> Figure:
    """R4: where the scalar loops contract, abs(J) < 1, in the plane of W_x = x and A = y; and the share of Gaussian draws inside.

    Everything is closed form (formulas scalar_jacobian_*, *_stable_probability); nothing is sampled.
    """
    figure = new_figure(5.6)
    axes = figure.subplot_mosaic([["internal", "external"], ["chance", "chance"]], height_ratios=(1.15, 1))
    chance = axes["chance"]
    x, y = np.meshgrid(*[np.linspace(-4, 4, 601)] * 2)
    s = np.geomspace(0.05, 5, 60)
    for recall, colour, dash in (("internal", BLUE, "solid"), ("external", ORANGE, (0, (5, 2)))):
        axis, jacobian = axes[recall], f"scalar_jacobian_{recall}"
        multiplier = np.abs(numeric(jacobian)(x, y))
        axis.contourf(x, y, multiplier, levels=(0, 1), colors=[colour], alpha=0.45)
        axis.contour(x, y, multiplier, levels=(1,), colors=[colour], linewidths=1.2)
        axis.set(xlabel="state weight x", ylabel="update y", aspect="equal", xticks=(-4, -2, 0, 2, 4), yticks=(-4, -2, 0, 2, 4))
        axis.set_title(f"{recall}: J = {sp.sstr(formula(jacobian).expression).replace('*', '·')}")
        probability = numeric(f"{recall}_stable_probability")
        label = f"{recall}: {float(probability(1.0)):.3f} at s = 1"
        chance.plot(s, probability(s), color=colour, linestyle=dash, label=label, gid=recall)
    axes["external"].set_ylabel("")
    chance.set(xscale="log", xlim=s[[0, -1]], ylim=(0, 1.03), xlabel="scale s of the weights x, y ~ N(0, s²)", ylabel="P(|J| < 1)")
    chance.set_title("Share of Gaussian weights inside (closed form)")
    _plain_ticks(chance.xaxis, s)
    chance.legend(loc="lower left")
    return figure


@_styled
def residual_figure(results: Sequence[CrossValidation]) -> Figure:
    """Median relative step against loops per checkpoint, with the line 1/t of a settled drift (formula drift_relative_step).

    A step of exactly 0 (the state no longer changes by a bit) cannot be drawn on a logarithmic axis: the curve has a gap there.
    """
    figure = new_figure(3.5 + 0.1 * (len(results) + 1))  # room for the legend, two entries a row
    axis = figure.add_subplot()
    longest = max((len(r.residual_curve) for r in results), default=100)
    for label, r in zip(_labels([r.architecture for r in results]), results, strict=True):
        curve = np.array(r.residual_curve, dtype=float)
        drawable = np.isfinite(curve) & (curve > 0)
        axis.plot(np.arange(1, len(curve) + 1), np.where(drawable, curve, np.nan), **Look.of(r.architecture).line, label=label)
    t = np.arange(1, longest + 1)
    axis.plot(t, numeric("drift_relative_step")(t), color=BLACK, linestyle=DASHED, linewidth=1.1, label="1/t (drift)")
    axis.axhspan(1e-17, np.finfo(float).eps, color=PALE, zorder=0)
    axis.set(yscale="log", xlim=(0, longest + 1), xlabel="loop t", ylabel="relative step")
    axis.set_title("Straight fall: fixed point.  1/t: drift")
    axis.set_ylim(bottom=1e-17)
    corner: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points", "ha": "right", "va": "bottom"}
    axis.annotate("below float64 resolution", (1, 0), (-3, 3), **corner, color=SOFT, fontsize=9)
    _legend(figure, [axis])
    return figure


@_styled
def curves_figure(runs: Sequence[Mapping[str, Any]]) -> Figure:
    """Whole sequences right against loops: one panel per length, one line per run.

    A run is what training reports: `architecture`, `loops` (ascending), `accuracy` {length: share per loop count}.
    """
    lengths = sorted({int(bits) for run in runs for bits in run["accuracy"]})
    panels = max(1, len(lengths))
    figure = new_figure(0.7 + 0.1 * len(runs) + 1.7 * panels)
    axes = figure.subplots(panels, 1, sharex=True, squeeze=False)[:, 0]
    labels = _labels([run["architecture"] for run in runs])
    for axis, bits in zip(axes, lengths, strict=False):
        for label, run in zip(labels, runs, strict=True):
            if str(bits) in run["accuracy"]:
                axis.plot(run["loops"], run["accuracy"][str(bits)], **Look.of(run["architecture"]).line, label=label)
        axis.set(ylim=(-0.03, 1.06), yticks=(0, 0.5, 1), ylabel="share right")
        axis.set_title(f"{bits} bits")
    if lengths:
        ends = (min(run["loops"][0] for run in runs), max(run["loops"][-1] for run in runs))
        axes[-1].set(xscale="log", xlim=(0.95 * ends[0], 1.05 * ends[1]), xlabel="loops")
        _plain_ticks(axes[-1].xaxis, ends)
    else:
        _empty(axes[0], "no runs")
    _legend(figure, axes)
    return figure


@_styled
def crossvalidation_figure(results: Sequence[CrossValidation]) -> Figure:
    """Two panels, one above the other, a point per measured fixed point and the diagonal of perfect agreement.

    Top: contraction read off the orbit's residual against rho of the Jacobian. Bottom: loops between two tolerances, counted
    against predicted from rho (X5), with the band of a factor 1.25 beyond which a mismatch is listed.
    """
    from models.crossvalidate import BAND, COARSE, FINE  # only who has results has torch loaded

    figure = new_figure(6.2)
    axes = figure.subplots(2, 1)
    looks = [(label, Look.of(r.architecture)) for label, r in zip(_labels([r.architecture for r in results]), results, strict=True)]
    _agreement(axes[0], [[(c.rho, c.slope_rate) for c in r.convergence] for r in results], looks)
    _agreement(axes[1], [[(c.predicted_loops, c.measured_loops) for c in r.convergence] for r in results], looks, band=BAND)
    axes[0].set(xlabel="ρ of the Jacobian at the fixed point", ylabel="rate of the residual")
    axes[0].set_title("Contraction per loop")
    axes[1].set(xlabel="loops predicted from ρ", ylabel="loops counted")
    axes[1].set_title(f"Loops from relative step {COARSE:g} to {FINE:g}")
    _legend(figure, axes)
    return figure


def _agreement(axis: Axes, pairs: list[list[tuple[Any, Any]]], looks: list[tuple[str, Look]], band: float | None = None) -> None:
    """Points of two quantities that should be equal; pairs of which one was not measured are left out."""
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
        axis.fill_between(ends, ends / band, ends * band, color=PALE, zorder=0, label=f"within a factor {band:g}")
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
    entries = {label: handle for axis in axes for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    if entries:
        figure.legend(list(entries.values()), list(entries), loc="outside lower left", ncols=2)
