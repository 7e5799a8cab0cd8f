"""Theorems of dynamical systems that proofs may cite."""

from __future__ import annotations

from .theorem import Theorem

THEOREMS: dict[str, Theorem] = {
    "period_doubling": Theorem(
        "Flip and pitchfork normal forms",
        "For an odd C^5 map g(h) = m h + c h^3 + O(h^5) depending on m: as m crosses 1 a pair of"
        " fixed points h^2 = (1 - m)/c + O((1-m)^2) is born, stable and on the side m > 1"
        " (supercritical) iff c < 0; as m crosses -1 a 2-cycle h^2 = -(1 + m)/c + O((1+m)^2) is"
        " born, stable and on the side m < -1 iff c > 0. (g = h G(h^2): the pairs solve G = 1 and"
        " G = -1, and each has one root h^2 near 0 by the implicit function theorem.)",
        "J. Guckenheimer, P. Holmes, Nonlinear Oscillations, Dynamical Systems, and Bifurcations of"
        " Vector Fields, section 3.5 (maps); P. Glendinning, D. Simpson, Normal forms,"
        " differentiable conjugacies and elementary bifurcations of maps (2022); Y. Kuznetsov,"
        " Elements of Applied Bifurcation Theory, 4th ed., Thm. 4.3 (flip)",
        {
            "odd": "the map is odd",
            "multiplier": "the derivative at 0 is m",
            "cubic": "the cubic coefficient c is not zero",
        },
    ),
    "lyapunov": Theorem(
        "Lyapunov's inequality",
        "If every eigenvalue of a real square matrix A has real part < -m, there is an inner"
        " product with <x, A x> <= -m <x, x>.",
        "R. Horn, C. Johnson, Topics in Matrix Analysis, Thm. 2.2.1; M. Hirsch, S. Smale,"
        " Differential Equations, Dynamical Systems, and Linear Algebra, section 7.1",
        {"hurwitz": "every eigenvalue of A has real part < -m"},
    ),
    "spectral_splitting": Theorem(
        "Adapted norms of a spectral splitting",
        "J a real matrix, E^u and E^cs its invariant subspaces for the eigenvalues of modulus > 1"
        " and <= 1. For 1 < mu < min |l| on E^u and delta > 0 there are norms with |J u| >= mu |u|"
        " on E^u and |J c| <= (1 + delta)|c| on E^cs; if every |l| < kappa, a norm with |J x| <="
        " kappa |x|.",
        "A. Katok, B. Hasselblatt, Introduction to the Modern Theory of Dynamical Systems,"
        " section 1.2",
        {"linear": "J is a square matrix, invertible or not"},
    ),
    "fold_map": Theorem(
        "Fold of a one-dimensional map",
        "f smooth in (h, k) with f(h*, k*) = h*, f_h = 1, f_hh != 0 and f_k != 0: near (h*, k*) the"
        " map is equivalent to eta -> beta + eta +- eta^2 (+ O(eta^3)): two fixed points on one"
        " side of k*, one stable and one unstable, none on the other.",
        "Y. Kuznetsov, Elements of Applied Bifurcation Theory, 4th ed., section 4.3, Thm. 4.1",
        {
            "multiplier": "f_h = 1 at a fixed point",
            "quadratic": "f_hh is not zero",
            "transversal": "f_k is not zero",
        },
    ),
    "flip_map": Theorem(
        "Flip of a one-dimensional map",
        "f smooth in (h, p) with a fixed point of multiplier -1 that crosses -1 with non-zero speed"
        " in p, and b = f_hh^2/4 + f_hhh/6 != 0: a 2-cycle is born; stable and on the side where"
        " the fixed point is unstable (supercritical) iff b > 0.",
        "Y. Kuznetsov, Elements of Applied Bifurcation Theory, 4th ed., section 4.5, Thm. 4.3",
        {
            "multiplier": "f_h = -1 at a fixed point",
            "cubic": "b is not zero",
            "transversal": "the multiplier crosses -1, speed not zero",
        },
    ),
    "neimark_sacker": Theorem(
        "Neimark-Sacker bifurcation",
        "A smooth family of maps of the plane with a fixed point whose multipliers mu, conj(mu)"
        " cross the unit circle with non-zero speed at mu_0, mu_0^n != 1 for n = 1, 2, 3, 4, and"
        " first Lyapunov coefficient a != 0 (a = Re(conj(mu_0) c_1) for z -> mu z + c_1 z |z|^2 +"
        " other cubic terms, if there are no quadratic ones): a unique closed invariant curve"
        " bifurcates from the fixed point, stable and on the side |mu| > 1 (supercritical) iff a <"
        " 0, with |z|^2 = (1 - |mu|)/a to leading order.",
        "Y. Kuznetsov, Elements of Applied Bifurcation Theory, 4th ed., section 4.7, Thm. 4.6",
        {
            "pair": "a complex pair on the unit circle",
            "crossing": "it crosses with non-zero speed",
            "nonresonance": "mu_0^n != 1 for n = 1, 2, 3, 4",
            "lyapunov": "the first Lyapunov coefficient is not zero",
        },
    ),
}
