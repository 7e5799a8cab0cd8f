"""Geometry of the sets of stable parameters and the bifurcations at their edges: R4."""

from __future__ import annotations

from theory.geometry.stable_sets import R4

CLAIMS = (R4,)
