"""Loops without recall: A1-A5, M3, M6."""

from __future__ import annotations

from theory.autonomous.kac_rice import M3
from theory.autonomous.linear import A1
from theory.autonomous.power_iteration import A5

CLAIMS = (A1, A5, M3)
