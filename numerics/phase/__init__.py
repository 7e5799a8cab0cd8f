"""Phase diagrams of random looped maps."""

from .axes import Cells, DiagramAxis
from .diagram import PhaseDiagram
from .sweep import phase_diagram
from .work import cluster, local

__all__ = ["Cells", "DiagramAxis", "PhaseDiagram", "cluster", "local", "phase_diagram"]
