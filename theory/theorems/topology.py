"""Theorems of topology that proofs may cite."""

from __future__ import annotations

from .theorem import Theorem

THEOREMS: dict[str, Theorem] = {
    "brouwer": Theorem(
        "Brouwer's fixed point theorem",
        "A continuous self-map of a non-empty set that is homeomorphic to a compact convex subset"
        " of R^n has a fixed point.",
        "L. Brouwer (1911); K. Deimling, Nonlinear Functional Analysis, Thm. 3.2",
        {
            "convex": "the set is homeomorphic to a non-empty compact convex subset of R^n",
            "continuous": "the map is continuous on it",
            "self_map": "the map sends it into itself",
        },
    ),
    "lefschetz_hopf": Theorem(
        "Lefschetz-Hopf fixed point theorem",
        "A continuous self-map F of a compact polyhedron whose Lefschetz number Sum_k (-1)^k tr"
        " H_k(F; Q) is not zero has a fixed point. For the sphere S^n, n >= 1, H_0 and H_n are Q,"
        " all others 0, F acts on them as 1 and as deg F.",
        "A. Hatcher, Algebraic Topology, Thm. 2C.3 and Cor. 2.14",
        {
            "polyhedron": "the space is homeomorphic to a sphere S^n, n >= 1",
            "continuous": "the map is continuous",
            "number": "the Lefschetz number is not zero",
        },
    ),
    "degree": Theorem(
        "Brouwer degree of self-maps of the sphere",
        "Homotopic maps S^n -> S^n, n >= 1, have the same degree; a constant map has degree 0, an"
        " orthogonal map its determinant; if the fibre of a regular value is finite, the degree is"
        " the sum over it of the signs of the Jacobian determinant of x -> |x| F(x/|x|).",
        "A. Hatcher, Algebraic Topology, section 2.2; J. Milnor, Topology from the Differentiable"
        " Viewpoint, section 5",
        {
            "sphere": "n >= 1",
            "homotopy": "the maps are joined by a continuous family of maps into the sphere",
        },
    ),
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
