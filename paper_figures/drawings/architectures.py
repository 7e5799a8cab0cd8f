"""Figure of the architectures: where a step takes in the input, and where it normalises."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from ...theory.architecture import Architecture, Norm, Recall
from .gallery import GalleryFigure
from .style import BLACK, DASHED, LEAST_SIZE, PALE, RECALL_COLOUR, SOFT, new_figure, styled

STREAM, SIDE, BACK = 0.30, 0.72, 0.04
"""Where the residual stream, the update and the way back to the start lie across a panel."""
START, END = 0.0, 1.0
SPLIT, SUM = 0.22, 0.79
"""Where the update leaves the stream and comes back to it."""
ON_STREAM = {"mix": 0.11, "sum": 0.90}
"""Heights of the boxes on the stream: the mix before the update leaves, N after the sum."""
ON_SIDE = {"argument": 0.32, "mix": 0.44, "u": 0.56, "update": 0.68}
"""Heights of the boxes beside the stream, in the order in which they act."""
BOX = (0.24, 0.09)
"""Width and height of a box."""


def boxes(architecture: Architecture) -> list[tuple[str, float, float]]:
    """The boxes of a sub-block, as text, place across and height, in the order in which they act.

    N is a normalisation, u the update, and mix is x -> W_x x + W_e e + b.
    """
    recall, norm = architecture.recall, architecture.norm
    side = {
        "argument": ("N", norm.on_argument),
        "mix": ("mix", recall.in_update),
        "u": ("u", True),
        "update": ("N", norm.on_update),
    }
    stream = {"mix": ("mix", recall.in_stream), "sum": ("N", norm.on_sum)}
    return [
        *((t, STREAM, ON_STREAM[k]) for k, (t, there) in stream.items() if there and k == "mix"),
        *((t, SIDE, ON_SIDE[k]) for k, (t, there) in side.items() if there),
        *((t, STREAM, ON_STREAM[k]) for k, (t, there) in stream.items() if there and k == "sum"),
    ]


def formula_of(architecture: Architecture) -> str:
    """What a sub-block computes, in the words of `boxes`.

    Example:
        >>> from loopstab import Architecture
        >>> formula_of(Architecture("internal", "sandwich"))
        'N(h + u(mix(N(h))))'
    """
    start, update, outer = "h", "", ""
    for text, across, height in boxes(architecture):
        if across == SIDE:
            update = f"{text}({update or start})"
        elif height == ON_STREAM["mix"]:
            start = "mix(h)"
        else:
            outer = text
    total = f"{start} + {update}"
    return f"{outer}({total})" if outer else total


@styled
def architectures_figure() -> Figure:
    """One sub-block of a step, by kind of recall (above) and by place of the norm (below)."""
    figure = new_figure(3.9)
    rows = [figure.add_subfigure(cell) for cell in figure.add_gridspec(2, 1)]
    families = (
        [Architecture(recall, Norm.POST) for recall in Recall],
        [Architecture(Recall.NONE, norm) for norm in Norm],
    )
    for row, family in zip(rows, families, strict=True):
        axes = row.subplots(1, len(family))
        for axis, architecture in zip(axes, family, strict=True):
            _draw(axis, architecture)
            one = f"recall {architecture.recall}" if family is families[0] else architecture.norm
            axis.set_title(one)
            axis.text(
                0.45, -0.13, formula_of(architecture), ha="center", va="center", fontsize=LEAST_SIZE
            )
    return figure


def _draw(axis: Axes, architecture: Architecture) -> None:
    """Draw one sub-block with the way back of the loop."""
    axis.set(xlim=(-0.1, 1.0), ylim=(-0.17, 1.12), xticks=[], yticks=[])
    axis.axis("off")
    colour = RECALL_COLOUR[architecture.recall]
    line: dict[str, Any] = {"color": BLACK, "linewidth": 0.9, "solid_capstyle": "round"}
    _arrow(axis, (STREAM, START), (STREAM, END))
    axis.plot([STREAM, SIDE, SIDE, STREAM], [SPLIT, SPLIT, SUM, SUM], **line)
    axis.plot(
        [STREAM, BACK, BACK, STREAM],
        [END, END, START, START],
        color=SOFT,
        linewidth=0.8,
        linestyle=DASHED,
    )
    axis.text(STREAM, SUM, "+", ha="center", va="center", fontsize=9, bbox=_round())
    for text, across, height in boxes(architecture):
        mixes = text == "mix"
        wide, high = BOX
        face = colour if mixes else "white" if text == "u" else PALE
        patch = FancyBboxPatch(
            (across - wide / 2, height - high / 2),
            wide,
            high,
            boxstyle="round,pad=0,rounding_size=0.02",
            facecolor=face,
            edgecolor=BLACK,
            linewidth=0.7,
            zorder=3,
        )
        axis.add_patch(patch)
        axis.text(
            across,
            height,
            text,
            ha="center",
            va="center",
            zorder=4,
            color="white" if mixes else BLACK,
        )
        if mixes:
            axis.text(1.0, height, "e", ha="right", va="center", color=BLACK)
            _arrow(axis, (0.92, height), (across + wide / 2, height), colour)
    axis.text(STREAM + 0.05, END + 0.02, "h′", va="center")
    axis.text(STREAM + 0.05, START - 0.02, "h", va="center")


def _round() -> dict[str, Any]:
    return {"boxstyle": "circle,pad=0.05", "facecolor": "white", "edgecolor": BLACK, "lw": 0.7}


def _arrow(
    axis: Axes, start: tuple[float, float], end: tuple[float, float], colour: str = BLACK
) -> None:
    look = {"arrowstyle": "-|>,head_width=0.15,head_length=0.3", "color": colour, "linewidth": 0.9}
    axis.annotate("", end, start, arrowprops={**look, "shrinkA": 0, "shrinkB": 0})


FIGURE = GalleryFigure(
    architectures_figure,
    "A step from h to h′, repeated (dashed), drawn with one sub-block; networks have two, whose u"
    " are attention and an MLP. mix(x) = W_x x + W_e e + b takes in the input e, N normalises."
    " Above: external recall mixes into the residual stream, internal recall into the argument of"
    " the update only. Below: post and sandwich end with N, pre and peri do not.",
    section="The architectures",
)
