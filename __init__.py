"""Looped (weight-tied, recurrent-depth) networks: what is proved about their fixed points, and what
your loop does.

The public names below are imported on first use: `import loopstab` imports neither NumPy nor SymPy
nor torch.
"""

from __future__ import annotations

from .support.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
