"""Theorems of linear algebra that proofs may cite."""

from __future__ import annotations

from theory.theorems.theorem import Theorem

THEOREMS: dict[str, Theorem] = {
    "gelfand": Theorem(
        "Gelfand's formula",
        "For a square matrix N, |N^t|^{1/t} -> rho(N); in particular N^t -> 0 iff rho(N) < 1.",
        "R. Horn, C. Johnson, Matrix Analysis, 2nd ed., Cor. 5.6.14 and Thm. 5.6.12",
        {"radius": "rho(N) < 1 (for the direction used)"},
    ),
    "riesz_projection": Theorem(
        "Spectral projection",
        "If the eigenvalue 1 of M is semisimple (or absent), R^d = ker(M - I) + im(M - I) is direct; with P the projector on the "
        "first along the "
        "second, M = P + N, P N = N P = 0, P^2 = P, and the spectrum of N is that of M without 1, together with 0.",
        "T. Kato, Perturbation Theory for Linear Operators, I.5",
        {"semisimple": "the eigenvalue 1 is semisimple or absent"},
    ),
    "fredholm_alternative": Theorem(
        "Fredholm alternative in finite dimension",
        "c is not in the image of Q iff there is a row vector l with l Q = 0 and l c != 0.",
        "R. Horn, C. Johnson, Matrix Analysis, 2nd ed., section 0.6.6",
        {"square": "Q is a linear map of a finite-dimensional space"},
    ),
    "charpoly_exchange": Theorem(
        "Characteristic polynomials of A B and B A",
        "For square A, B the matrices A B and B A have the same characteristic polynomial.",
        "R. Horn, C. Johnson, Matrix Analysis, 2nd ed., Thm. 1.3.22",
        {"square": "A and B are square"},
    ),
    "determinant_lemma": Theorem(
        "Matrix determinant lemma",
        "det(X + u v^T) = det(X) (1 + v^T X^{-1} u) for invertible X.",
        "R. Horn, C. Johnson, Matrix Analysis, 2nd ed., 0.8.5.11",
        {"invertible": "X is invertible"},
    ),
    "jordan_chevalley": Theorem(
        "Jordan-Chevalley decomposition with an adapted inner product",
        "R^d is the direct sum of the M-invariant subspaces E of the eigenvalues of modulus rho(M) and E' of the others. On E, M = rho "
        "U + N with U N = N U, U an isometry of some inner product, N^k = 0, N^{k-1} != 0, k the size of the largest Jordan block on "
        "E; on im N^{k-1}, U has exactly the eigenvalues l/rho of the l with a block of size k.",
        "R. Horn, C. Johnson, Matrix Analysis, 2nd ed., Thm. 3.1.11 and 3.4.1.5; J. Humphreys, Introduction to Lie Algebras, 4.2",
        {"not_nilpotent": "M is a real square matrix and rho(M) > 0"},
    ),
}
