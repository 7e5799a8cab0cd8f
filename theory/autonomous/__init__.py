"""Loops without recall: A1-A5, M3, M6."""

from __future__ import annotations

from theory.autonomous.capacity import M6
from theory.autonomous.countability import A2
from theory.autonomous.input_dependence import A3
from theory.autonomous.kac_rice import M3
from theory.autonomous.linear import A1
from theory.autonomous.power_iteration import A5
from theory.autonomous.reachability import A4
from theory.autonomous.surjectivity import A2_PRIME

CLAIMS = (A1, A2, A2_PRIME, A3, A4, A5, M3, M6)
