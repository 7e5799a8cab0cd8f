"""Figure of the collapse of widths: the linear law against the finite-size scaling variable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from ...numerics.phase.diagram import TRUSTED
from .loops import plain_ticks, styled
from .style import BLACK, DASHED, new_figure

if TYPE_CHECKING:
    from ...numerics.phase.scaling import Scaling


@styled
def scaling_figure(scaling: Scaling) -> Figure:
    """Two panels over x = (beta/sigma) d^(1/4), a line per width (median of the draws): rho -
    theory, and (1 - rho)/(1 - theory).

    The latter would be one curve if x were all that matters.
    """
    figure = new_figure(6.4)
    top, bottom = figure.subplots(2, 1, sharex=True)
    shades = mpl.colormaps["cividis"](np.linspace(0, 0.9, len(scaling.widths)))
    for i, (width, shade) in enumerate(zip(scaling.widths, shades, strict=True)):
        label = f"d = {width} ({scaling.draws[i]} draws)"
        top.plot(
            scaling.x,
            scaling.difference[i],
            color=shade,
            marker="o",
            markersize=3,
            label=label,
            gid=f"difference-{width}",
        )
        bottom.plot(
            scaling.x, scaling.ratio[i], color=shade, marker="o", markersize=3, gid=f"ratio-{width}"
        )
    for axis, law in ((top, 0), (bottom, 1)):
        line = axis.axhline(law, color=BLACK, linestyle=DASHED, linewidth=1.1)
        edge = axis.axvline(TRUSTED, color=BLACK, linestyle=":", linewidth=1.1)
    line.set_label("the law")
    edge.set_label(f"x = {TRUSTED:g}: trusted beyond")
    top.set(xscale="log", ylabel="ρ − theory", title=f"Linear law, a = {scaling.residual:g}")
    bottom.set(
        xlabel="$x = (β/σ)\\,d^{1/4}$",
        ylabel="(1 − ρ)/(1 − theory)",
        title=f"exponent for the best collapse: {scaling.exponent_text}",
    )
    plain_ticks(bottom.xaxis, (float(scaling.x[0]), float(scaling.x[-1])))
    figure.legend(loc="outside lower left", ncols=2)
    return figure
