"""Closed forms of drifting orbits."""

from __future__ import annotations

from theory.formulas import positive, register


@register("R3", "settled_direction", "relative step |h_{t+1} - h_t| / |h_t| of a drift whose direction has settled, at loop t")
def drift_relative_step():
    (t,) = positive("t")
    return (t,), 1 / t
