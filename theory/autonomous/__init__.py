"""Loops without recall: A1-A5, M3, M6."""

from __future__ import annotations

from theory.autonomous.countability import A2
from theory.autonomous.linear import A1
from theory.autonomous.surjectivity import A2_PRIME

CLAIMS = (A1, A2, A2_PRIME)
