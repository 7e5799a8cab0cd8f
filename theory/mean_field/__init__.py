"""Mean-field laws: N6, N7."""

from __future__ import annotations

from theory.mean_field.linear_law import N6
from theory.mean_field.nonlinear_law import N7

CLAIMS = (N6, N7)
