"""Figure of the accuracy of trained loops against the iterations, by length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...models.network.run_record import samples_of
from ...numerics.proportion import wilson
from .panels import curve_names, empty_panel, plain_ticks, shared_legend
from .style import Look, new_figure, styled


@styled
def curves_figure(runs: Sequence[Mapping[str, Any]]) -> Figure:
    """Exact-match accuracy against iterations: a panel for each length, a line for each run.

    A run is the record that training writes: `architecture`, `loops` (the numbers of iterations,
    ascending), `accuracy` (for each length, the accuracy at each of them) and, for the band of
    Wilson's 95 % intervals, the number of samples (`samples`, or `eval_size` in `config`).
    """
    lengths = sorted({int(bits) for run in runs for bits in run["accuracy"]})
    panels = max(1, len(lengths))
    figure = new_figure(0.6 + 0.07 * len(runs) + 1.05 * panels)
    axes = figure.subplots(panels, 1, sharex=True, squeeze=False)[:, 0]
    names = curve_names([run["architecture"] for run in runs])
    for axis, bits in zip(axes, lengths, strict=False):
        for label, run in zip(names, runs, strict=True):
            if str(bits) in run["accuracy"]:
                _draw_run(axis, run, str(bits), label)
        axis.set(ylim=(-0.03, 1.06), yticks=(0, 0.5, 1), ylabel="share solved")
        axis.set_title(f"{bits} bits")
    if lengths:
        ends = (min(run["loops"][0] for run in runs), max(run["loops"][-1] for run in runs))
        axes[-1].set(xscale="log", xlim=(0.95 * ends[0], 1.05 * ends[1]), xlabel="iterations")
        plain_ticks(axes[-1].xaxis, ends)
    else:
        empty_panel(axes[0], "no runs")
    shared_legend(figure, axes)
    return figure


def _draw_run(axis: Axes, run: Mapping[str, Any], level: str, label: str) -> None:
    look, curve, n = Look.of(run["architecture"]), run["accuracy"][level], samples_of(run, level)
    low, high = np.array([wilson(round(share * n), n) for share in curve]).T
    axis.fill_between(run["loops"], low, high, color=look.colour, alpha=0.18, linewidth=0)
    axis.plot(run["loops"], curve, **look.line, label=label)
