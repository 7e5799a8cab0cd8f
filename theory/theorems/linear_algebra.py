"""Theorems of linear algebra that proofs may cite."""

from __future__ import annotations

from .theorem import Theorem

THEOREMS: dict[str, Theorem] = {
    "gelfand": Theorem(
        "Gelfand's formula",
        "For a square matrix N, |N^t|^{1/t} -> rho(N); in particular N^t -> 0 iff rho(N) < 1.",
        "R. Horn, C. Johnson, Matrix Analysis, 2nd ed., Cor. 5.6.14 and Thm. 5.6.12",
        {"radius": "rho(N) < 1 (for the direction used)"},
    ),
    "riesz_projection": Theorem(
        "Spectral projection",
        "If the eigenvalue 1 of M is semisimple (or absent), R^d = ker(M - I) + im(M - I) is"
        " direct; with P the projector on the first along the second, M = P + N, P N = N P = 0, P^2"
        " = P, and the spectrum of N is that of M without 1, together with 0.",
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
    "discriminant": Theorem(
        "Discriminant of a polynomial",
        "The product of (l_i - l_j)^2 over all pairs of roots of a monic polynomial is symmetric in"
        " the roots, so it is a polynomial in the coefficients.",
        "S. Lang, Algebra, 3rd ed., Thm. IV.6.1 (symmetric polynomials; not looked up)",
        {"monic": "the polynomial is monic (such as the characteristic polynomial of a matrix)"},
    ),
    "spectral_projector": Theorem(
        "Spectral projector",
        "If the spectrum of a real square matrix W is the union of two disjoint sets closed under"
        " conjugation, R^d is the direct sum of two W-invariant real subspaces with these spectra;"
        " the projector P on either along the other commutes with W.",
        "T. Kato, Perturbation Theory for Linear Operators, I.5.3; R. Horn, C. Johnson, Matrix"
        " Analysis, 2nd ed., Thm. 3.4.1.5",
        {"separated": "the two parts of the spectrum are disjoint and closed under conjugation"},
    ),
    "jordan_form": Theorem(
        "Jordan normal form",
        "A square complex matrix is similar to a direct sum of blocks J_k(lambda) = lambda I +"
        " (ones above the diagonal), one for each Jordan chain; so powers of the matrix are"
        " conjugate to the direct sum of the powers of the blocks.",
        "R. Horn, C. Johnson, Matrix Analysis, 2nd ed., Thm. 3.1.11",
        {
            "square": (
                "the matrix is square (and, for bounds of powers, the powers of a block are known)"
            )
        },
    ),
    "kreiss": Theorem(
        "Kreiss matrix theorem with Spijker's constant",
        "For a d x d matrix J with finite K(J) = sup over |z| > 1 of (|z| - 1)|(z - J)^{-1}|_2:"
        " sup_t |J^t|_2 <= e d K(J).",
        "M. Spijker, On a conjecture by LeVeque and Trefethen related to the Kreiss matrix theorem,"
        " BIT 31 (1991) 551-555; L. Trefethen, M. Embree, Spectra and Pseudospectra, Thm. 18.1",
        {"finite": "J is a d x d matrix with K(J) finite"},
    ),
    "normal_form": Theorem(
        "Real normal matrices",
        "A real matrix with J J^T = J^T J is orthogonally similar to a direct sum of 1 x 1 blocks"
        " and 2 x 2 blocks [[p, -q], [q, p]], one for each real eigenvalue and each pair p +- i q.",
        "R. Horn, C. Johnson, Matrix Analysis, 2nd ed., Thm. 2.5.8",
        {"normal": "J is real and commutes with its transpose"},
    ),
    "jordan_chevalley": Theorem(
        "Jordan-Chevalley decomposition with an adapted inner product",
        "R^d is the direct sum of the M-invariant subspaces E of the eigenvalues of modulus rho(M)"
        " and E' of the others. On E, M = rho U + N with U N = N U, U an isometry of some inner"
        " product, N^k = 0, N^{k-1} != 0, k the size of the largest Jordan block on E; on im"
        " N^{k-1}, U has exactly the eigenvalues l/rho of the l with a block of size k.",
        "R. Horn, C. Johnson, Matrix Analysis, 2nd ed., Thm. 3.1.11 and 3.4.1.5; J. Humphreys,"
        " Introduction to Lie Algebras, 4.2",
        {"not_nilpotent": "M is a real square matrix and rho(M) > 0"},
    ),
}
