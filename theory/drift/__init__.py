"""Drift of loops with a bounded update: R3, M4."""

from __future__ import annotations

from theory.claim import Claim

CLAIMS: tuple[Claim, ...] = ()
