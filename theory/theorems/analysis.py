"""Theorems of analysis and measure that proofs may cite."""

from __future__ import annotations

from .theorem import Theorem

THEOREMS: dict[str, Theorem] = {
    "polar_fubini": Theorem(
        "Fubini's theorem in polar coordinates",
        "A measurable set of R^n that meets almost every ray from 0 in a set of one-dimensional"
        " measure zero is Lebesgue-null.",
        "G. Folland, Real Analysis, 2nd ed., Thm. 2.49",
        {"measurable": "the set is measurable", "rays": "each ray meets it in a null set"},
    ),
    "convex_projection": Theorem(
        "Projection on a convex set",
        "The metric projection of a Hilbert space on a closed convex set is 1-Lipschitz.",
        "H. Bauschke, P. Combettes, Convex Analysis and Monotone Operator Theory, 2nd ed., Prop."
        " 4.16",
        {"convex": "the set is closed, convex and not empty"},
    ),
    "banach": Theorem(
        "Contraction principle",
        "A self-map f of a non-empty complete metric space with Lip f = kappa < 1 has exactly one"
        " fixed point h*, and |f^t(h) - h*| <= kappa^t |h - h*|.",
        "S. Banach (1922); K. Deimling, Nonlinear Functional Analysis, section 7.1",
        {
            "complete": "the space is complete",
            "self_map": "f maps it into itself",
            "contraction": "Lip f <= kappa < 1",
        },
    ),
    "bessel_k0": Theorem(
        "Integral representation of K_0",
        "For z > 0, K_0(z) = Int_0^oo exp(-z cosh t) dt = (1/2) Int_R exp(-z cosh t) dt.",
        "NIST Digital Library of Mathematical Functions, 10.32.9",
        {"positive": "z > 0"},
    ),
    "harmonic_continuation": Theorem(
        "Harmonic continuation",
        "Two functions that are harmonic on a connected open set and agree on a non-empty open"
        " subset agree everywhere on it.",
        "S. Axler, P. Bourdon, W. Ramey, Harmonic Function Theory, 2nd ed., chapter 1 (not looked"
        " up)",
        {
            "harmonic": "both functions are harmonic on a connected open set",
            "open_set": "they agree on a non-empty open subset",
        },
    ),
    "implicit_function": Theorem(
        "Implicit function theorem",
        "F(x, y) of class C^k (k >= 1, or analytic) between manifolds, F(x_0, y_0) = 0 and D_x"
        " F(x_0, y_0) invertible: near (x_0, y_0) the zeros of F are the graph of one C^k"
        " (analytic) function x(y), with D x = -(D_x F)^{-1} D_y F. Without y: x_0 is an isolated"
        " zero and F a diffeomorphism near it.",
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
        "A locally Lipschitz map from an open subset of R^n to R^n is differentiable almost"
        " everywhere.",
        "L. Evans, R. Gariepy, Measure Theory and Fine Properties of Functions, 2nd ed., Thm. 3.2",
        {"lipschitz": "the map is locally Lipschitz, between spaces of equal dimension"},
    ),
    "area_formula": Theorem(
        "Area formula",
        "F: R^n -> R^n locally Lipschitz, K measurable, u >= 0 measurable: Int_K u(F(h)) |det"
        " DF(h)| dh = Int u(b) #{h in K: F(h) = b} db. So F sends null sets and {det DF = 0} to"
        " null sets, and almost every b has finitely many preimages in a bounded set.",
        "L. Evans, R. Gariepy, Measure Theory and Fine Properties of Functions, 2nd ed., Thm. 3.9;"
        " H. Federer, Geometric Measure Theory, 3.2.3",
        {
            "lipschitz": "the map is locally Lipschitz, between spaces of equal dimension",
            "measurable": "the set is measurable",
        },
    ),
    "polynomial_null_set": Theorem(
        "Zeros of a polynomial",
        "The zero set of a real polynomial in n variables that is not identically zero is"
        " Lebesgue-null.",
        "H. Federer, Geometric Measure Theory, 3.1.24",
        {"polynomial": "the function is a polynomial", "not_zero": "it is not zero at some point"},
    ),
    "gaussian_by_parts": Theorem(
        "Gaussian integration by parts (Stein's lemma)",
        "g standard Gaussian, f locally absolutely continuous with E|f'(g)| < infinity: E g f(g) ="
        " E f'(g).",
        "C. Stein, Ann. Statist. 9 (1981), Lemma 1",
        {"regular": "f is locally absolutely continuous and E|f'(g)| is finite"},
    ),
    "hermite_expansion": Theorem(
        "Hermite expansion",
        "The Hermite polynomials H_k = He_k/sqrt(k!) are an orthonormal basis of L^2 of the"
        " Gaussian measure. If phi and its weak derivative lie in it and c_k = E phi(g) H_k(g),"
        " then E phi^2 = Sum c_k^2, E phi'^2 = Sum k c_k^2, and for standard Gaussians g, g' of"
        " correlation r, E phi(g) phi(g') = Sum c_k^2 r^k.",
        "R. O'Donnell, Analysis of Boolean Functions (2014), section 11.2; V. Bogachev, Gaussian"
        " Measures (1998), sections 1.3 and 1.5",
        {"square_integrable": "E phi(g)^2 and E phi'(g)^2 are finite"},
    ),
    "anderson": Theorem(
        "Anderson's theorem in one dimension",
        "g standard Gaussian, psi >= 0 even and non-decreasing in |x|: E psi(g + m) is"
        " non-decreasing in |m|.",
        "T. Anderson, Proc. Amer. Math. Soc. 6 (1955), Thm. 1",
        {"even": "psi is even and non-negative", "monotone": "psi is non-decreasing in |x|"},
    ),
    "regular_value": Theorem(
        "Regular value theorem",
        "F: Omega -> R^n of class C^1 on an open set of R^(n+P), DF of rank n on Z = F^{-1}(0): Z"
        " is empty or a C^1 manifold of dimension P with tangent spaces ker DF.",
        "M. Hirsch, Differential Topology, Thm. 1.3.2",
        {"smooth": "F is C^1 on an open set", "regular": "DF has rank n at every zero of F"},
    ),
    "sard_equal_dimensions": Theorem(
        "Sard's theorem for equal dimensions",
        "A C^1 map between manifolds (second countable) of the same dimension has a null set of"
        " critical values.",
        "A. Sard, Bull. Amer. Math. Soc. 48 (1942); M. Hirsch, Differential Topology, Thm. 3.1.3 (r"
        " > max(0, n - n) = 0)",
        {"smooth": "the map is C^1", "dimensions": "source and target have the same dimension"},
    ),
    "parametric_transversality": Theorem(
        "Parametric transversality for equations in as many unknowns",
        "F: Omega -> R^n of class C^1 on an open set of R^n x R^P, D_theta F of rank n at every"
        " zero of F: for almost every theta, D_h F is invertible at every zero of F(., theta) in"
        " Omega. The same on C^1 manifolds of dimension n.",
        "V. Guillemin, A. Pollack, Differential Topology (1974), section 2.3, for smooth maps"
        " (section not looked up); for C^1 maps and equal dimensions it is proved as claim A2",
        {
            "smooth": "F is C^1 jointly in state and parameters on an open set",
            "rank": "D_theta F is onto at every zero of F",
        },
    ),
    "analytic_zero_set": Theorem(
        "Zeros of an analytic function",
        "A real-analytic function (a polynomial, say) on a connected open set of R^n that is not"
        " identically zero has a Lebesgue-null set of zeros.",
        "B. Mityagin, The zero set of a real analytic function, Math. Notes 107 (2020)",
        {
            "analytic": "the function is real-analytic on a connected open set",
            "nonzero": "it is not zero at some point of that set",
        },
    ),
    "lebesgue_density": Theorem(
        "Lebesgue's density theorem",
        "Almost every point of a measurable set E of R^n is a density point; at a density point"
        " every open cone with apex there meets E at points arbitrarily near the apex.",
        "L. Evans, R. Gariepy, Measure Theory and Fine Properties of Functions, section 1.7.1",
        {"measurable": "the set is measurable"},
    ),
    "tonelli": Theorem(
        "Null sections",
        "A measurable set of R^m x R^n is null iff almost every section is null, in either"
        " variable.",
        "G. Folland, Real Analysis, 2nd ed., Thm. 2.36 (number not looked up)",
        {
            "measurable": "the set is measurable",
            "sections": "almost every section in one variable is null",
        },
    ),
}
