"""Theorems of topology that proofs may cite."""

from __future__ import annotations

from theory.theorems.theorem import Theorem

THEOREMS: dict[str, Theorem] = {
    "brouwer": Theorem(
        "Brouwer's fixed-point theorem",
        "A continuous map of a non-empty compact convex subset of R^n into itself has a fixed point.",
        "L. Brouwer (1911); K. Deimling, Nonlinear Functional Analysis, Thm. 3.2",
        {
            "compact_convex": "the set is non-empty, compact and convex",
            "continuous": "the map is continuous and maps the set into itself",
        },
    ),
}
