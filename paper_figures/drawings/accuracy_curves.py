"""Figure of the accuracy of trained loops against the iterations, by length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from .panels import curve_names, empty_panel, plain_ticks, shared_legend
from .style import Look, new_figure, styled


@styled
def curves_figure(runs: Sequence[Mapping[str, Any]]) -> Figure:
    """Exact-match accuracy against iterations: a panel for each length, a line for each run.

    A run is the record that training writes: `architecture`, `loops` (the numbers of iterations,
    ascending) and `accuracy` (for each length, the accuracy at each of them).
    """
    lengths = sorted({int(bits) for run in runs for bits in run["accuracy"]})
    panels = max(1, len(lengths))
    figure = new_figure(0.7 + 0.1 * len(runs) + 1.7 * panels)
    axes = figure.subplots(panels, 1, sharex=True, squeeze=False)[:, 0]
    names = curve_names([run["architecture"] for run in runs])
    for axis, bits in zip(axes, lengths, strict=False):
        for label, run in zip(names, runs, strict=True):
            if str(bits) in run["accuracy"]:
                look = Look.of(run["architecture"]).line
                axis.plot(run["loops"], run["accuracy"][str(bits)], **look, label=label)
        axis.set(ylim=(-0.03, 1.06), yticks=(0, 0.5, 1), ylabel="share right")
        axis.set_title(f"{bits} bits")
    if lengths:
        ends = (min(run["loops"][0] for run in runs), max(run["loops"][-1] for run in runs))
        axes[-1].set(xscale="log", xlim=(0.95 * ends[0], 1.05 * ends[1]), xlabel="iterations")
        plain_ticks(axes[-1].xaxis, ends)
    else:
        empty_panel(axes[0], "no runs")
    shared_legend(figure, axes)
    return figure
