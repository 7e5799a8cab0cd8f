"""Phase diagrams of random looped maps."""

from numerics.phase.diagram import PhaseDiagram, phase_diagram
from numerics.phase.grid import Axis, Cells
from numerics.phase.work import cluster, local

__all__ = ["Axis", "Cells", "PhaseDiagram", "cluster", "local", "phase_diagram"]
