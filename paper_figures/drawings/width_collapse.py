"""Figure of the linear law at several widths, against the finite-size scaling variable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from ...numerics.phase.diagram import TRUSTED
from .panels import plain_ticks
from .style import BLACK, DASHED, new_figure, styled

if TYPE_CHECKING:
    from ...numerics.phase.scaling import Scaling


@styled
def scaling_figure(scaling: Scaling) -> Figure:
    """rho - theory and (1 - rho)/(1 - theory) over x = (beta/sigma) d^(1/4), by width.

    Each line is the median of the draws of a width. The second quantity would be one curve for all
    widths if it depended on x alone.
    """
    figure = new_figure(6.4)
    top, bottom = figure.subplots(2, 1, sharex=True)
    x = scaling.x
    shades = mpl.colormaps["cividis"](np.linspace(0, 0.9, len(scaling.widths)))
    for i, (width, shade) in enumerate(zip(scaling.widths, shades, strict=True)):
        look: dict[str, Any] = {"color": shade, "marker": "o", "markersize": 3}
        label = f"d = {width} ({scaling.draws[i]} draws)"
        top.plot(x, scaling.difference[i], label=label, gid=f"difference-{width}", **look)
        bottom.plot(x, scaling.ratio[i], gid=f"ratio-{width}", **look)
    for axis, law in ((top, 0), (bottom, 1)):
        line = axis.axhline(law, color=BLACK, linestyle=DASHED, linewidth=1.1)
        edge = axis.axvline(TRUSTED, color=BLACK, linestyle=":", linewidth=1.1)
    line.set_label("the law")
    edge.set_label(f"x = {TRUSTED:g}: trusted beyond")
    top.set(xscale="log", ylabel="ρ − theory", title=f"Linear law, a = {scaling.residual:g}")
    bottom.set(xlabel="$x = (β/σ)\\,d^{1/4}$", ylabel="(1 − ρ)/(1 − theory)")
    bottom.set_title(f"exponent for the best collapse: {scaling.exponent_text}")
    plain_ticks(bottom.xaxis, (float(x[0]), float(x[-1])))
    figure.legend(loc="outside lower left", ncols=2)
    return figure
