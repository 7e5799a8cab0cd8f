"""Every figure of the report, from plain results; nothing is computed here but the theory's own curves."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure

from models.crossvalidate import CrossValidation
from numerics import PhaseDiagram, numeric
from theory.files import write_atomic

# Okabe-Ito: tells apart for the colour-blind
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
LEVELS = (0.5, 0.7, 0.8, 0.9, 0.95)


def save_figure(figure: Figure, stem: Path) -> list[Path]:
    """Write stem.png and stem.svg, each whole or not at all."""
    out = []
    for kind in ("png", "svg"):
        buffer = io.BytesIO()
        figure.savefig(buffer, format=kind, dpi=160)
        out.append(write_atomic(stem.with_suffix(f".{kind}"), buffer.getvalue()))
    return out


def phase_figure(diagram: PhaseDiagram) -> Figure:
    """Measured rho over sigma x beta; dots where orbits reach a fixed point, crosses where not; theory's level lines on top.

    White dashed: scaling variable (beta/sigma) d^(1/4) = 3, below which the finite width smears the law.
    """
    figure = Figure(figsize=(6.4, 5.2), layout="constrained")
    axis = figure.subplots()
    d = diagram
    mesh = axis.pcolormesh(
        d.beta, d.sigma, d.rho, cmap="RdBu_r", norm=TwoSlopeNorm(1.0, 0.0, 2.0), shading="nearest", rasterized=True, edgecolors="none"
    )
    figure.colorbar(mesh, ax=axis, label="measured spectral radius", extend="max")
    beta, sigma = np.meshgrid(d.beta, d.sigma)
    fixed = d.converged > 0.5
    axis.plot(beta[fixed], sigma[fixed], ".", color="k", ms=3, label="orbit reaches a fixed point")
    axis.plot(beta[~fixed], sigma[~fixed], "x", color="k", ms=4, mew=0.8, label="orbit does not")
    line = np.geomspace(d.sigma[0], d.sigma[-1], 200)
    for rho in LEVELS:
        with np.errstate(invalid="ignore"):
            level = np.asarray(numeric("mean_field_level")(d.residual, line, rho), dtype=float)
        inside = np.isfinite(level) & (level > d.beta[0]) & (level < d.beta[-1])
        if not inside.any():
            continue
        axis.plot(level[inside], line[inside], "-", color="#009E73", lw=1.6, label="theory: rho = const" if rho == LEVELS[0] else None)
        at = np.flatnonzero(inside)[len(np.flatnonzero(inside)) * 3 // 4]
        axis.annotate(f"{rho:g}", (level[at], line[at]), color="#00563b", fontsize=8, ha="center", va="center",
                      bbox={"boxstyle": "round,pad=0.12", "fc": "w", "ec": "none", "alpha": 0.8})  # fmt: skip
    axis.plot(3 * line / d.width**0.25, line, "--", color="k", lw=1, label=r"$(\beta/\sigma)\, d^{1/4} = 3$")
    axis.set(xscale="log", yscale="log", xlabel=r"recall strength $\beta$", ylabel=r"gain $\sigma$", xlim=d.beta[[0, -1]], ylim=d.sigma[[0, -1]])
    axis.set_title(f"N(a h + A h + βe), a = {d.residual:g}, width {d.width}", fontsize=11)
    figure.legend(loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    return figure


def residual_figure(results: Sequence[CrossValidation]) -> Figure:
    """Median relative step against loops, one line per checkpoint, with the line 1/t of drift."""
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axis = figure.subplots()
    longest = 2
    for colour, r in zip(COLOURS, results, strict=False):
        y = np.array(r.residual_curve)
        t = np.arange(1, len(y) + 1)
        shown = y > 1e-16
        axis.loglog(t[shown], y[shown], color=colour, label=f"{r.architecture} ({r.majority})")
        longest = max(longest, len(y))
    t = np.arange(1, longest + 1)
    axis.loglog(t, numeric("drift_relative_step")(t), "--", color="0.3", lw=1, label="1/t (drift)")
    axis.set(xlabel="loop", ylabel="relative step (median)", title="How trained loops settle, or do not", ylim=(1e-16, 10))
    axis.grid(alpha=0.25)
    axis.legend(fontsize=8)
    return figure


def crossvalidation_figure(results: Sequence[CrossValidation]) -> Figure:
    """Left: rate of the residual against rho; right: loops from coarse to fine tolerance, measured against predicted (X5)."""
    figure = Figure(figsize=(7.2, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for colour, r in zip(COLOURS, results, strict=False):
        known = [c for c in r.convergence if c.measured_loops and c.predicted_loops]
        if known:
            left.plot([c.rho for c in known], [c.slope_rate for c in known], "o", color=colour, label=r.architecture, ms=5, alpha=0.8)
            right.plot([c.predicted_loops for c in known], [c.measured_loops for c in known], "o", color=colour, ms=5, alpha=0.8)
    for axis in (left, right):
        low, high = axis.dataLim.intervalx if axis.has_data() else (0.0, 1.0)
        pad = 0.05 * max(high - low, 0.02 * high)
        axis.plot([low - pad, high + pad], [low - pad, high + pad], "--", color="0.4", lw=1)
        axis.grid(alpha=0.25)
    left.set(xlabel="rho from the Jacobian", ylabel="rate of the residual")
    right.set(xlabel="loops predicted from rho", ylabel="loops measured")
    if left.get_legend_handles_labels()[0]:
        left.legend(fontsize=8)
    else:
        left.set_title("no checkpoint reached a fixed point", fontsize=9)
    return figure


def curves_figure(runs: Sequence[Mapping[str, Any]]) -> Figure:
    """Whole sequences right against loops, one panel per length, one line per run."""
    lengths = sorted({int(b) for r in runs for b in r["accuracy"]})
    figure = Figure(figsize=(7.2, 1.0 + 2.1 * len(lengths)), layout="constrained")
    axes = figure.subplots(len(lengths), 1, sharex=True, squeeze=False)[:, 0]
    for axis, bits in zip(axes, lengths, strict=True):
        for colour, r in zip(COLOURS, runs, strict=False):
            if str(bits) in r["accuracy"]:
                axis.semilogx(r["loops"], r["accuracy"][str(bits)], color=colour, label=r["architecture"], lw=1.6)
        axis.set(ylabel="accuracy", ylim=(-0.03, 1.03))
        axis.set_title(f"{bits} bits", fontsize=10)
        axis.grid(alpha=0.25)
    axes[-1].set_xlabel("loop")
    axes[0].legend(fontsize=8, loc="upper left")
    return figure


def stable_sets_figure() -> Figure:
    """Scalar stable sets abs(h'/dh) < 1 of internal and external recall (R4), and their Gaussian probabilities."""
    figure = Figure(figsize=(7.2, 3.4), layout="constrained")
    axes = figure.subplots(1, 3)
    grid = np.linspace(-4, 4, 401)
    x, y = np.meshgrid(grid, grid)
    for axis, recall, colour in zip(axes, ("internal", "external"), COLOURS, strict=False):
        stable = np.abs(numeric(f"scalar_jacobian_{recall}")(x, y)) < 1
        axis.contourf(x, y, stable, levels=[0.5, 1.5], colors=[colour], alpha=0.6)
        axis.plot(0, 0, "k.", ms=4)
        axis.set(title=recall, xlabel="x (recall weight)", ylabel="y (update)", aspect="equal")
    s = np.linspace(0.1, 4, 40)
    for recall, colour in zip(("internal", "external"), COLOURS, strict=False):
        axes[2].plot(s, numeric(f"{recall}_stable_probability")(s), color=colour, label=recall)
    axes[2].set(xlabel="standard deviation s", title="P(stable), closed form", ylim=(0, 1.02))
    axes[2].legend(fontsize=8)
    axes[2].grid(alpha=0.25)
    return figure


