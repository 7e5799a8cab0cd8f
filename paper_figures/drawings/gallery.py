"""The figures that are drawn from shipped data, found in the modules of this room.

Their data are closed forms, the records of the shipped runs, or a file of `paper_figures/records`.
A module of this room that defines `FIGURE` is in the gallery: `loopstab figures`, the report and
the documentation show it under the name of the module.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from matplotlib.figure import Figure


@dataclass(frozen=True)
class GalleryFigure:
    """A figure that is drawn from shipped data, and its place in the report.

    Args:
        draw: draws the figure.
        caption: what the figure shows, in a sentence or two; also its alternative text.
        section: heading under which the documentation shows the figure.
        text: a paragraph above the figure; default: none.
        data: names of its data files in `paper_figures/records`; none for closed forms and for
            the records of the shipped runs.
        commands: all shell commands that make the data, in their order; none for closed forms.
    """

    draw: Callable[[], Figure]
    caption: str
    section: str
    text: str = ""
    data: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()


def gallery() -> dict[str, GalleryFigure]:
    """The figures by the names of their modules, in alphabetical order."""
    names = sorted(module.name for module in iter_modules([str(Path(__file__).parent)]))
    modules = {name: import_module(f"{__package__}.{name}") for name in names}
    return {name: module.FIGURE for name, module in modules.items() if hasattr(module, "FIGURE")}
