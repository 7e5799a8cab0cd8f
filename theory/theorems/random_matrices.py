"""Theorems of random matrices that proofs may cite."""

from __future__ import annotations

from theory.theorems.theorem import Theorem

THEOREMS: dict[str, Theorem] = {
    "ginibre_resolvent": Theorem(
        "Isotropic resolvent moments of the Ginibre ensemble",
        "A of size d with independent N(0, sigma^2/d) entries, u a vector of norm sqrt(d) independent of A, w > sigma. In "
        "probability, uniformly for nu in "
        "compact subsets of |nu| > sigma: (1/d) u^T (w-A)^{-T} (nu-A)^{-1} u -> 1/(w nu - sigma^2) and (1/d) tr (w-A)^{-T}(w-A)^{-1} "
        "-> 1/(w^2 - sigma^2); "
        "|(nu-A)^{-1}|_2 stays bounded.",
        "J. Alt, L. Erdos, T. Kruger, Local inhomogeneous circular law, Ann. Appl. Probab. 28 (2018); C. Bordenave, D. Chafai, "
        "Around the circular law, "
        "Probab. Surveys 9 (2012)",
        {
            "gaussian": "A has independent N(0, sigma^2/d) entries",
            "independent": "the vector is independent of A",
            "outside": "w > sigma and |nu| > sigma",
            "limit": "d -> infinity with w, nu, sigma fixed",
        },
    ),
    "circular_law_low_rank": Theorem(
        "Circular law under a perturbation of bounded rank",
        "A as in the Ginibre ensemble of variance sigma^2/d and E of rank O(1) and norm O(1): the empirical spectral measure of A + "
        "E tends in probability to "
        "the uniform measure on the disc |nu| <= sigma.",
        "T. Tao, V. Vu, M. Krishnapur, Random matrices: universality of ESDs and the circular law, Ann. Probab. 38 (2010), Cor. 1.12",
        {
            "gaussian": "A has independent N(0, sigma^2/d) entries",
            "rank": "the perturbation has bounded rank and norm",
            "limit": "d -> infinity",
        },
    ),
    "ginibre_norm": Theorem(
        "Norm of the Ginibre ensemble",
        "|A|_2 -> 2 sigma in probability for independent N(0, sigma^2/d) entries.",
        "K. Davidson, S. Szarek, Handbook of the Geometry of Banach Spaces I (2001), Thm. II.13",
        {"gaussian": "A has independent N(0, sigma^2/d) entries", "limit": "d -> infinity"},
    ),
    "gaussian_rotation": Theorem(
        "Rotation invariance of the Gaussian",
        "Q Q^T = c I: the entries of Q x are independent N(0, c) when those of x are independent N(0, 1).",
        "K. Mardia, J. Kent, J. Bibby, Multivariate Analysis, section 3.2",
        {"gaussian": "the entries are independent N(0, 1)", "orthogonal": "Q Q^T = c I"},
    ),
}
