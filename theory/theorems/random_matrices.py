"""Theorems of random matrices that proofs may cite."""

from __future__ import annotations

from .theorem import Theorem

THEOREMS: dict[str, Theorem] = {
    "ginibre_resolvent": Theorem(
        "Isotropic resolvent moments of the Ginibre ensemble",
        "A of size d with independent N(0, sigma^2/d) entries, u a vector of norm sqrt(d)"
        " independent of A, w > sigma. In probability, uniformly for nu in compact subsets of |nu|"
        " > sigma: (1/d) u^T (w-A)^{-T} (nu-A)^{-1} u -> 1/(w nu - sigma^2) and (1/d) tr"
        " (w-A)^{-T}(w-A)^{-1} -> 1/(w^2 - sigma^2); |(nu-A)^{-1}|_2 stays bounded.",
        "J. Alt, L. Erdos, T. Kruger, Local inhomogeneous circular law, Ann. Appl. Probab. 28"
        " (2018); C. Bordenave, D. Chafai, Around the circular law, Probab. Surveys 9 (2012)",
        {
            "gaussian": "A has independent N(0, sigma^2/d) entries",
            "independent": "the vector is independent of A",
            "outside": "w > sigma and |nu| > sigma",
            "limit": "d -> infinity with w, nu, sigma fixed",
        },
    ),
    "circular_law_low_rank": Theorem(
        "Circular law under a perturbation of bounded rank",
        "A as in the Ginibre ensemble of variance sigma^2/d and E of rank O(1) and norm O(1): the"
        " empirical spectral measure of A + E tends in probability to the uniform measure on the"
        " disc |nu| <= sigma.",
        "T. Tao, V. Vu, M. Krishnapur, Random matrices: universality of ESDs and the circular law,"
        " Ann. Probab. 38 (2010), Cor. 1.12",
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
        "Q Q^T = c I: the entries of Q x are independent N(0, c) when those of x are independent"
        " N(0, 1).",
        "K. Mardia, J. Kent, J. Bibby, Multivariate Analysis, section 3.2",
        {"gaussian": "the entries are independent N(0, 1)", "orthogonal": "Q Q^T = c I"},
    ),
    "single_ring": Theorem(
        "Single ring theorem with convergence of the support (R-diagonal limit)",
        "M = U T V with U, V independent Haar orthogonal, T independent of them, its singular"
        " values bounded with convergent law of second moment t^2 (in particular M = A D with A of"
        " orthogonally invariant law, D independent): the spectral radius tends to t; M is"
        " asymptotically R-diagonal, free of independent matrices of invariant law, so (1/d) tr"
        " (M^j)^T M^k -> 0 for j != k and t^{2k} for j = k; a product of two such matrices, or of"
        " one and any independent bounded matrix, is again R-diagonal.",
        "A. Guionnet, M. Krishnapur, O. Zeitouni, The single ring theorem, Ann. Math. 174 (2011);"
        " A. Guionnet, O. Zeitouni, Support convergence in the single ring theorem, Probab. Theory"
        " Relat. Fields 154 (2012); U. Haagerup, F. Larsen, J. Funct. Anal. 176 (2000)",
        {
            "invariant": "the law of one factor is invariant under orthogonal maps from both sides",
            "bounded": (
                "the other factor is independent of it, bounded, with convergent singular-value law"
            ),
            "limit": "d -> infinity",
        },
    ),
    "tensor_program": Theorem(
        "Master theorem for programs with shared Gaussian weights",
        "A with independent N(0, sigma^2/d) entries (used any number of times, never transposed),"
        " vectors with independent Gaussian entries, maps acting on entries and averages over"
        " entries, finitely many operations: the entries of A x_1, ..., A x_n tend to jointly"
        " Gaussian variables of covariance sigma^2 lim <x_i, x_j>/d, independent of the input"
        " vectors; averages converge.",
        "G. Yang, Wide feedforward or recurrent neural networks of any architecture are Gaussian"
        " processes, NeurIPS 2019 (master theorem of NETSOR; of NETSOR+ for averages)",
        {
            "gaussian": "A has independent N(0, sigma^2/d) entries, independent of the inputs",
            "input": "the input vectors have independent Gaussian entries",
            "growth": "the entrywise maps grow at most like exp(|x|^(2 - delta))",
            "steps": "the number of operations is fixed as d -> infinity",
        },
    ),
}
