"""The registry of the theorems that proofs may cite: one module for each field."""

from __future__ import annotations

from . import analysis, dynamics, iteration, linear_algebra, random_matrices, topology
from .theorem import Theorem

__all__ = ["THEOREMS", "Theorem"]

_FIELDS = (linear_algebra, analysis, topology, dynamics, iteration, random_matrices)
THEOREMS: dict[str, Theorem] = {
    key: theorem for module in _FIELDS for key, theorem in module.THEOREMS.items()
}
if len(THEOREMS) != sum(len(module.THEOREMS) for module in _FIELDS):
    raise ValueError("two theorems share a key: keys are ids and must differ")
