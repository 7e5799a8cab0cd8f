"""The named theorems that proofs may cite: precise statement, reference, and the hypotheses that a step must discharge."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Theorem:
    """A theorem of the literature; `hypotheses` maps a short key to what has to be shown."""

    title: str
    statement: str
    reference: str
    hypotheses: dict[str, str]


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
    "polar_fubini": Theorem(
        "Fubini's theorem in polar coordinates",
        "A measurable set of R^n that meets almost every ray from 0 in a set of one-dimensional measure zero is Lebesgue-null.",
        "G. Folland, Real Analysis, 2nd ed., Thm. 2.49",
        {"measurable": "the set is measurable", "rays": "each ray meets it in a null set"},
    ),
    "convex_projection": Theorem(
        "Projection on a convex set",
        "The metric projection of a Hilbert space on a closed convex set is 1-Lipschitz.",
        "H. Bauschke, P. Combettes, Convex Analysis and Monotone Operator Theory, 2nd ed., Prop. 4.16",
        {"convex": "the set is closed, convex and not empty"},
    ),
    "banach": Theorem(
        "Contraction principle",
        "A self-map f of a non-empty complete metric space with Lip f = kappa < 1 has exactly one fixed point h*, and |f^t(h) - h*| "
        "<= kappa^t |h - h*|.",
        "S. Banach (1922); K. Deimling, Nonlinear Functional Analysis, section 7.1",
        {"complete": "the space is complete", "self_map": "f maps it into itself", "contraction": "Lip f <= kappa < 1"},
    ),
    "bessel_k0": Theorem(
        "Integral representation of K_0",
        "For z > 0, K_0(z) = Int_0^oo exp(-z cosh t) dt = (1/2) Int_R exp(-z cosh t) dt.",
        "NIST Digital Library of Mathematical Functions, 10.32.9",
        {"positive": "z > 0"},
    ),
    "period_doubling": Theorem(
        "Flip and pitchfork normal forms",
        "For an odd C^5 map g(h) = m h + c h^3 + O(h^5) depending on m: as m crosses 1 a pair of fixed points h^2 = (1 - m)/c + "
        "O((1-m)^2) is born, "
        "stable and on the side m > 1 (supercritical) iff c < 0; as m crosses -1 a 2-cycle h^2 = -(1 + m)/c + O((1+m)^2) is born, "
        "stable and on the "
        "side m < -1 iff c > 0.",
        "Y. Kuznetsov, Elements of Applied Bifurcation Theory, 4th ed., Thm. 4.3 (flip) and section 7.4.2 (symmetric case)",
        {"odd": "the map is odd", "multiplier": "the derivative at 0 is m", "cubic": "the cubic coefficient c is not zero"},
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
    "hurwitz": Theorem(
        "Hurwitz's theorem",
        "If holomorphic functions converge, uniformly on compact subsets of a connected open set, to a function without zeros, then "
        "on each compact subset they "
        "have no zeros from some index on.",
        "L. Ahlfors, Complex Analysis, 3rd ed., section 5.1.1",
        {
            "convergence": "locally uniform convergence",
            "zero_free": "the limit has no zeros",
            "compact": "the zeros to exclude lie in a compact set",
        },
    ),
}
