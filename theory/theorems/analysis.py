"""Theorems of analysis and measure that proofs may cite."""

from __future__ import annotations

from theory.theorems.theorem import Theorem

THEOREMS: dict[str, Theorem] = {
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
    "implicit_function": Theorem(
        "Implicit function theorem",
        "F(x, y) of class C^k (k >= 1, or analytic) between manifolds, F(x_0, y_0) = 0 and D_x F(x_0, y_0) invertible: near (x_0, y_0) the "
        "zeros of F are the graph of one C^k (analytic) function x(y), with D x = -(D_x F)^{-1} D_y F. Without y: x_0 is an isolated zero "
        "and F a diffeomorphism near it.",
        "S. Krantz, H. Parks, The Implicit Function Theorem, Thms. 3.3.1 and 6.1.2",
        {"smooth": "F is C^k near the point", "invertible": "D_x F is invertible at the point"},
    ),
    "bernoulli": Theorem(
        "Bernoulli's inequality",
        "(1 + x)^p >= 1 + p x for real x > -1 and real p <= 0 or p >= 1.",
        "G. Hardy, J. Littlewood, G. Polya, Inequalities, 2nd ed., Thm. 42",
        {"exponent": "p <= 0 or p >= 1"},
    ),
    "rademacher": Theorem(
        "Rademacher's theorem",
        "A Lipschitz map from an open subset of R^n to R^n is differentiable almost everywhere.",
        "L. Evans, R. Gariepy, Measure Theory and Fine Properties of Functions, 2nd ed., Thm. 3.2",
        {"lipschitz": "the map is Lipschitz, between spaces of equal dimension"},
    ),
    "area_formula": Theorem(
        "Area formula",
        "F from a measurable K in R^n to R^n Lipschitz, u >= 0 measurable: Int_K u(F(h)) |det DF(h)| dh = Int u(b) #{h in K: F(h) = b} db.",
        "L. Evans, R. Gariepy, Measure Theory and Fine Properties of Functions, 2nd ed., Thm. 3.9; H. Federer, Geometric Measure "
        "Theory, 3.2.3",
        {"lipschitz": "the map is Lipschitz, between spaces of equal dimension", "measurable": "the set is measurable"},
    ),
    "polynomial_null_set": Theorem(
        "Zeros of a polynomial",
        "The zero set of a real polynomial in n variables that is not identically zero is Lebesgue-null.",
        "H. Federer, Geometric Measure Theory, 3.1.24",
        {"polynomial": "the function is a polynomial", "not_zero": "it is not zero at some point"},
    ),
    "gaussian_by_parts": Theorem(
        "Gaussian integration by parts (Stein's lemma)",
        "g standard Gaussian, f locally absolutely continuous with E|f'(g)| < infinity: E g f(g) = E f'(g).",
        "C. Stein, Ann. Statist. 9 (1981), Lemma 1",
        {"regular": "f is locally absolutely continuous and E|f'(g)| is finite"},
    ),
    "hermite_expansion": Theorem(
        "Hermite expansion",
        "The Hermite polynomials H_k = He_k/sqrt(k!) are an orthonormal basis of L^2 of the Gaussian measure. If phi and its weak "
        "derivative lie in it and c_k = E phi(g) H_k(g), then E phi^2 = Sum c_k^2, E phi'^2 = Sum k c_k^2, and for standard Gaussians "
        "g, g' of correlation r, E phi(g) phi(g') = Sum c_k^2 r^k.",
        "R. O'Donnell, Analysis of Boolean Functions (2014), section 11.2; V. Bogachev, Gaussian Measures (1998), sections 1.3 and 1.5",
        {"square_integrable": "E phi(g)^2 and E phi'(g)^2 are finite"},
    ),
    "anderson": Theorem(
        "Anderson's theorem in one dimension",
        "g standard Gaussian, psi >= 0 even and non-decreasing in |x|: E psi(g + m) is non-decreasing in |m|.",
        "T. Anderson, Proc. Amer. Math. Soc. 6 (1955), Thm. 1",
        {"even": "psi is even and non-negative", "monotone": "psi is non-decreasing in |x|"},
    ),
}
