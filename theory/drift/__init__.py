"""Drift of loops with a bounded update: R3, M4."""

from __future__ import annotations

from theory.drift.direction import M4
from theory.drift.drift import R3

CLAIMS = (R3, M4)
