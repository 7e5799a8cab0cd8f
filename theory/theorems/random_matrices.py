"""Theorems of random matrices that proofs may cite."""

from __future__ import annotations

from .theorem import Theorem

THEOREMS: dict[str, Theorem] = {
    "powers_of_iid": Theorem(
        "Norms of powers of a random matrix",
        "A of size d with independent entries of mean 0, variance sigma^2/d and, times sqrt(d), of"
        " one law with a finite fourth moment. For each fixed k: limsup |A^k|_2 <= (k + 1) sigma^k"
        " almost surely as d -> infinity, if the matrices are the corners of one infinite array;"
        " hence |A^k|_2 <= (k + 2) sigma^k with probability -> 1.",
        "Z. Bai, Y. Yin, Limiting behavior of the norm of products of random matrices and two"
        " problems of Geman-Hwang, Probab. Theory Relat. Fields 73 (1986) (looked up in papers that"
        " quote it)",
        {
            "entries": "the entries are independent, N(0, sigma^2/d)",
            "fixed_power": "k is fixed as d -> infinity",
        },
    ),
    "circular_law_potential": Theorem(
        "Circular law, for the logarithmic potential",
        "A of size d with independent entries of mean 0 and variance sigma^2/d, times sqrt(d) of"
        " one law. For almost every complex mu, in probability: (1/d) log|det(mu - A)| -> log|mu|"
        " for |mu| >= sigma, and log sigma + (|mu|^2/sigma^2 - 1)/2 for |mu| <= sigma.",
        "C. Bordenave, D. Chafai, Around the circular law, Probab. Surveys 9 (2012), section 4; T."
        " Tao, V. Vu, M. Krishnapur, Random matrices: universality of ESDs and the circular law,"
        " Ann. Probab. 38 (2010) (both looked up by their abstracts, not by their theorems)",
        {
            "entries": "the entries are independent, N(0, sigma^2/d)",
            "limit": "d -> infinity at fixed mu",
        },
    ),
    "gaussian_rotation": Theorem(
        "Rotation invariance of the Gaussian",
        "Q Q^T = c I: the entries of Q x are independent N(0, c) when those of x are independent"
        " N(0, 1).",
        "K. Mardia, J. Kent, J. Bibby, Multivariate Analysis, section 3.2",
        {"gaussian": "the entries are independent N(0, 1)", "orthogonal": "Q Q^T = c I"},
    ),
    "single_ring": Theorem(
        "Single ring theorem",
        "M = U T V with U, V independent Haar orthogonal, T diagonal and independent of them, with"
        " bounded entries of convergent empirical law. Under technical conditions (the law of the"
        " singular values is smooth above a scale d^-c, and the least of them are controlled) the"
        " empirical spectral measure of M tends in probability to a rotationally invariant law on a"
        " ring of outer radius lim (tr T^2/d)^{1/2}. It says nothing about single eigenvalues"
        " outside of the ring; that there are none is known for unitary U, V (Guionnet, Zeitouni"
        " 2012).",
        "A. Guionnet, M. Krishnapur, O. Zeitouni, The single ring theorem, Ann. Math. 174 (2011);"
        " A. Guionnet, O. Zeitouni, Support convergence in the single ring theorem, Probab. Theory"
        " Relat. Fields 154 (2012)",
        {
            "invariant": "the law of one factor is invariant under orthogonal maps from both sides",
            "bounded": (
                "the other factor is independent of it, bounded, with convergent singular-value law"
            ),
            "technical": "the technical conditions on the singular values",
            "limit": "d -> infinity",
        },
    ),
    "profile_radius": Theorem(
        "Spectral radius of a matrix with a variance profile",
        "X of size d with independent entries of mean 0, with all moments bounded in units of"
        " d^{-1/2}, and variances s_ij between c/d and C/d, 0 < c <= C: the spectral radius of X"
        " differs from the square root of that of the matrix (s_ij) by o(1), with probability -> 1."
        " For s_ij = sigma^2 g_j^2/d this root is sigma times the root mean square of g.",
        "J. Alt, L. Erdos, T. Kruger, Spectral radius of random matrices with independent entries,"
        " Probab. Math. Phys. 2 (2021)",
        {
            "independent": "the entries are independent, of mean 0, with bounded moments",
            "profile": "the variances lie between c/d and C/d, 0 < c <= C",
            "limit": "d -> infinity",
        },
    ),
    "tensor_program": Theorem(
        "Master theorem for programs with shared Gaussian weights",
        "A (or several, independent) with independent N(0, sigma^2/d) entries, used any number of"
        " times, never transposed;"
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
