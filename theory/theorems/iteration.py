"""Theorems about iterated maps and their derivatives that proofs may cite."""

from __future__ import annotations

from .theorem import Theorem

THEOREMS: dict[str, Theorem] = {
    "mean_value_inequality": Theorem(
        "Mean value inequality",
        "U a convex set of a normed space, f differentiable on it with |Df| <= s in the operator"
        " norm: |f(x) - f(y)| <= s |x - y| for x, y in U.",
        "K. Kuttler, Topics in Analysis, Thm. 22.10.5",
        {
            "convex": "the set is convex, a ball of some norm for example",
            "slope": "f is differentiable on the set with |Df| <= s",
        },
    ),
    "attracting_limit": Theorem(
        "Limit of an attracting loop (claim L1)",
        "f(h, e) of class C^1 near (h*, e_0), h* = f(h*, e_0), rho(D_h f) < 1 there, and the orbit"
        " of h_0 at e_0 converges to h*: near e_0 the orbits of starts near h_0 converge, to the"
        " only fixed point h*(e) near h*, which is C^1 in e with derivative S = (I - D_h f)^{-1}"
        " D_e f, and dh_t/de -> S.",
        "Claim L1; without a parameter: J. Ortega, W. Rheinboldt, Iterative Solution of Nonlinear"
        " Equations in Several Variables (1970), section 10.1 (Ostrowski's theorem; not looked up)",
        {
            "smooth": "f is C^1 near (h*, e_0)",
            "fixed": "h* = f(h*, e_0)",
            "radius": "rho(D_h f(h*, e_0)) < 1",
        },
    ),
}
