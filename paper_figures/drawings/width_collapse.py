"""Figure of the linear law at several widths, against the finite-size scaling variable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from ...numerics.phase.diagram import TRUSTED
from .gallery import GalleryFigure
from .panels import plain_ticks
from .record_files import read_record
from .style import BLACK, DASHED, HALO, new_figure, size_colours, styled

if TYPE_CHECKING:
    from ...numerics.phase.scaling import Scaling

DATA = "width_collapse.json"
MARKERS = "osD^vP"


@styled
def scaling_figure(scaling: Scaling) -> Figure:
    """rho - theory and (1 - rho)/(1 - theory) over x = (beta/sigma) d^(1/4), by width.

    Each line is the median of the draws of a width, with its standard error. The second quantity
    would be one curve for all widths if it depended on x alone. From x = `TRUSTED` on, right of the
    dotted line, the law is trusted. The title of the lower panel states the exponent for which the
    widths fall on one curve best, with its interval, or that they do not determine one.
    """
    figure = new_figure(3.9)
    top, bottom = figure.subplots(2, 1, sharex=True)
    x = scaling.x
    shades = size_colours(len(scaling.widths))
    for i, (width, shade) in enumerate(zip(scaling.widths, shades, strict=True)):
        look: dict[str, Any] = {"color": shade, "marker": MARKERS[i % len(MARKERS)]}
        look |= {"markersize": 2.5, "linewidth": 0.9}
        label = f"d = {width} ({scaling.draws[i]} draws)"
        top.plot(x, scaling.difference[i], label=label, gid=f"difference-{width}", **look)
        bottom.plot(x, scaling.ratio[i], gid=f"ratio-{width}", **look)
        error, gap = scaling.rho_error[i], 1 - scaling.theory[i]
        bar: dict[str, Any] = {"ecolor": shade, "fmt": "none", "elinewidth": 0.7}
        top.errorbar(x, scaling.difference[i], error, **bar)
        bottom.errorbar(x, scaling.ratio[i], error / gap, **bar)
    for axis, law in ((top, 0), (bottom, 1)):
        axis.axhline(law, color=BLACK, linestyle=DASHED, linewidth=0.9)
        axis.axvline(TRUSTED, color=BLACK, linestyle=":", linewidth=0.9)
    top.text(x[0], 0, "the law", va="bottom", path_effects=HALO)
    right: dict[str, Any] = {"transform": bottom.get_xaxis_transform(), "path_effects": HALO}
    bottom.text(1.03 * TRUSTED, 0.04, "law trusted", **right)
    top.set(xscale="log", ylabel="ρ − law")
    top.set_title(f"Linear loop, a = {scaling.residual:g}: medians by width")
    bottom.set(xlabel="$x = (β/σ)\\,d^{1/4}$", ylabel="(1 − ρ)/(1 − law)")
    bottom.set_title(f"Exponent of the best collapse: {exponent_words(scaling)}")
    plain_ticks(bottom.xaxis, (float(x[0]), float(x[-1])))
    figure.legend(loc="outside lower left", ncols=2)
    return figure


def exponent_words(scaling: Scaling) -> str:
    """The exponent with its interval, in a few words; the limit of large widths is 1/4."""
    if scaling.exponent is None or scaling.exponent_interval is None:
        return "not determined"
    low, high = scaling.exponent_interval
    return f"{scaling.exponent:.2f} ({low:.2f} to {high:.2f})"


def shipped_scaling() -> Scaling:
    """The scaling among the data of the package."""
    from ...numerics.phase.scaling import Scaling

    return Scaling.from_json(read_record(DATA))


FIGURE = GalleryFigure(
    lambda: scaling_figure(shipped_scaling()),
    "The linear law N6 at several widths, with standard errors: where the law is trusted ρ lies"
    " 0.01 to 0.03 above it. The exponent is an effective one of"
    " these widths, with its 95 % interval; that of x is 1/4.",
    section="The mean-field law",
    data=(DATA,),
    commands=(
        "loopstab scaling --widths 50 100 200 400 800 --draws 400 200 100 60 24 --residual 0"
        " --low 0.7 --high 6 --points 12 --seed 0 --out FOLDER",
    ),
)
