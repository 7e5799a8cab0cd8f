"""Theorems of topology that proofs may cite."""

from __future__ import annotations

from theory.theorems.theorem import Theorem

THEOREMS: dict[str, Theorem] = {
    "connected_image": Theorem(
        "Continuous image of a connected set",
        "A continuous map from a connected space to a discrete space is constant.",
        "J. Munkres, Topology, 2nd ed., Thm. 23.5",
        {
            "connected": "the source is connected",
            "continuous": "the map is continuous",
            "discrete": "every point of the image is isolated in it",
        },
    ),
    "lindelof": Theorem(
        "Lindelof's theorem",
        "Every cover of a subset of R^n by open sets has a countable subcover.",
        "J. Munkres, Topology, 2nd ed., Thm. 30.3",
        {"cover": "the sets are open and cover the subset"},
    ),
}
