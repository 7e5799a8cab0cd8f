"""Phase diagrams of random looped maps."""

from .axes import Axis, Cells
from .diagram import PhaseDiagram, phase_diagram
from .work import cluster, local

__all__ = ["Axis", "Cells", "PhaseDiagram", "cluster", "local", "phase_diagram"]
