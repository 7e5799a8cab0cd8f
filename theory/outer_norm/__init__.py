"""Outer normalisation, and the bounds that it gives: N1-N5, N8, M1, M2, M5."""

from __future__ import annotations

from theory.outer_norm.contraction import N3
from theory.outer_norm.existence import N2
from theory.outer_norm.gradients import N5
from theory.outer_norm.gru import N8
from theory.outer_norm.jacobian import N1
from theory.outer_norm.lefschetz import M2
from theory.outer_norm.non_normality import M5
from theory.outer_norm.residual_strength import M1
from theory.outer_norm.sensitivity import N4

CLAIMS = (N1, N2, N3, N4, N5, N8, M1, M2, M5)
