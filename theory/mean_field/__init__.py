"""Mean-field laws: N6, N7."""

from __future__ import annotations

from theory.mean_field.linear_law import N6

CLAIMS = (N6,)
