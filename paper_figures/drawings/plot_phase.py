"""One map of a phase diagram, for `PhaseDiagram.plot`."""

from __future__ import annotations

from matplotlib.figure import Figure

from ...numerics.phase.diagram import PhaseDiagram
from ...support.errors import UsageError
from .phase_maps import maps_of

STEM = "phase"


def plot_phase(diagram: PhaseDiagram, of: str = "rho") -> Figure:
    """Draw one map of a phase diagram, with the closed form as lines where there is one.

    Args:
        diagram: the diagram.
        of: "rho", "outcome", "iterations", "sensitivity", or "disagreement" (measured minus closed
            form, where there is one).

    Returns:
        A figure of matplotlib; `savefig` writes it, and a notebook shows it.

    Raises:
        UsageError: there is no such map of this diagram.

    Example:
        >>> from loopstab import phase_diagram, plot_phase
        >>> diagram = phase_diagram(settings={"width": 8}, grid=(2, 3), jobs=1)
        >>> plot_phase(diagram, "outcome").axes[0].get_xlabel()
        'recall strength β'
    """
    maps = {stem.removeprefix(f"{STEM}-"): draw for stem, draw in maps_of(diagram).items()}
    maps["rho"] = maps.pop(STEM)
    if of not in maps:
        raise UsageError(f"there is no map {of!r} of this diagram: use one of {', '.join(maps)}")
    return maps[of](diagram)
