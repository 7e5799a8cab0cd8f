"""Linear and bounded-update loops with recall, without outer normalisation: R1, R2."""

from __future__ import annotations

from theory.recall.bounded_update import R2
from theory.recall.resolvent import R1

CLAIMS = (R1, R2)
