"""Theorems of dynamical systems that proofs may cite."""

from __future__ import annotations

from theory.theorems.theorem import Theorem

THEOREMS: dict[str, Theorem] = {
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
    "lyapunov": Theorem(
        "Lyapunov's inequality",
        "If every eigenvalue of a real square matrix A has real part < -m, there is an inner product with <x, A x> <= -m <x, x>.",
        "R. Horn, C. Johnson, Topics in Matrix Analysis, Thm. 2.2.1; M. Hirsch, S. Smale, Differential Equations, Dynamical Systems, "
        "and Linear Algebra, section 7.1",
        {"hurwitz": "every eigenvalue of A has real part < -m"},
    ),
    "spectral_splitting": Theorem(
        "Adapted norms of a spectral splitting",
        "J a real matrix, E^u and E^cs its invariant subspaces for the eigenvalues of modulus > 1 and <= 1. For 1 < mu < min |l| on E^u "
        "and delta > 0 there are norms with |J u| >= mu |u| on E^u and |J c| <= (1 + delta)|c| on E^cs; if every |l| < kappa, a norm with "
        "|J x| <= kappa |x|.",
        "A. Katok, B. Hasselblatt, Introduction to the Modern Theory of Dynamical Systems, section 1.2",
        {"linear": "J is a square matrix, invertible or not"},
    ),
}
