"""Between which steps the iterations of an orbit are counted, and how far X5 may be off."""

from __future__ import annotations

BAND = 1.25
"""Factor between measured and predicted iterations beyond which a mismatch is listed: the
prediction holds in the limit, and `COARSE` is not quite there.
"""
COARSE, FINE = 1e-4, 1e-8
"""Relative steps between which iterations are counted: below the transient, and above the rounding
errors of float64.
"""
