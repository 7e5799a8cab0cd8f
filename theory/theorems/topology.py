"""Theorems of topology that proofs may cite."""

from __future__ import annotations

from theory.theorems.theorem import Theorem

THEOREMS: dict[str, Theorem] = {}
