"""Claim N2: outer normalisation gives a fixed point for every input.

For eps > 0 this follows from Brouwer's theorem in the ball; for eps = 0 it holds in a cap of the
sphere where the recall dominates.
"""

from __future__ import annotations

import random
from typing import Any

import sympy as sp

from ..formulas import formula
from ..kernel.algebra import Equation, rational
from ..kernel.claim import Assumption, Axis, Claim, Consequence
from ..kernel.proof import Sentence, both, cited, decided, deduced, identity
from ..kernel.vectors import span
from .existence_cap import CAP_STEPS
from .falsifiers.existence import FALSIFIERS

R, A, BETA, S, X = sp.symbols("R a beta s x", positive=True)


def _inside_the_ball():
    d, eps, length = sp.symbols("d epsilon n", positive=True)
    (z,) = span("z", {("z", "z"): length**2})
    normal = (1 / S) * z  # s^2 = |z|^2/d + eps
    size = normal.dot(normal).subs(S, sp.sqrt(length**2 / d + eps))
    return [Equation(size, d - d**2 * eps / (length**2 + d * eps))]


def _ellipsoid():
    equations = []
    for d in (1, 2, 3):
        z, gain = sp.symbols(f"z:{d}"), sp.symbols(f"g:{d}")
        state = [g * x / S for g, x in zip(gain, z, strict=True)]
        size = sum((h / g) ** 2 for h, g in zip(state, gain, strict=True))
        equations.append(Equation(size, sum(x**2 for x in z) / S**2))
    return equations


def _convex():
    hh, hk, kk, t = sp.symbols("hh hk kk t")
    h, k = span("h k", {("h", "h"): hh, ("h", "k"): hk, ("k", "k"): kk})
    between, apart = t * h + (1 - t) * k, h - k
    square = t * hh + (1 - t) * kk - t * (1 - t) * apart.dot(apart)
    return [Equation(between.dot(between), square)]


def _central_point():
    eps = sp.Symbol("eps", positive=True)
    e, v = span("e v", {("e", "e"): R**2, ("e", "v"): 0, ("v", "v"): 1})
    relation = (BETA - X * (A + S), S**2 * (1 - X**2) - eps)
    z = (-A) * (X * e) + BETA * e

    def point(rng: random.Random) -> dict[sp.Symbol, Any]:
        x, s, a = sp.Rational(rng.randint(1, 9), 10), rational(rng, True), rational(rng, True)
        return {X: x, S: s, A: a, BETA: x * (a + s), eps: s**2 * (1 - x**2), R: rational(rng, True)}

    return [
        Equation(((1 / S) * z)["e"], X, relation, point),  # N(z) = h
        Equation(z.dot(z) / R**2 + eps, S**2, relation, point),  # s is the scale of z
        Equation(S**2, formula("central_scale_squared")(X, eps), relation, point),
        # by N1 the multipliers are -a/s across e and -a eps/s^3 = -a (1 - x^2)/s along e
        Equation((formula("rmsnorm_tangential")(S) * (-A) * v)["v"], -A / S),
        Equation(-A * formula("rmsnorm_radial")(S, eps), -A * (1 - X**2) / S, relation, point),
    ]


def _useless():
    a, beta, s, x, eps, y, r = sp.symbols("a b s x e y r")
    fixed = (a > 0, s > 0, sp.Eq(x * (a + s), beta), sp.Eq(s**2 * (1 - x**2), eps))
    other = (r > 0, sp.Eq(y * (a + r), beta), sp.Eq(r**2 * (1 - y**2), eps))
    return [
        Sentence((*fixed, eps > 0), sp.Equivalent(s < a, 4 * eps < 4 * a**2 - beta**2)),
        Sentence(fixed, sp.Equivalent(s**2 * (a**2 - beta**2) >= a**2 * eps, sp.Eq(beta, 0))),
        Sentence((*fixed, *other, eps > 0), both(sp.Eq(x, y), sp.Eq(s, r))),
    ]


def _gain():
    equations = []
    for d in (1, 2, 3):
        z, gain = sp.symbols(f"z:{d}"), sp.symbols(f"g:{d}")
        m = sp.Matrix(d, d, sp.symbols(f"m:{d * d}"))
        k = sp.Matrix(z)
        inner = m * sp.diag(*gain) * k  # a linear update, evaluated at h = Gamma k
        outer = sp.diag(*gain) * (m * (sp.diag(*gain) * k)) / S
        equations += [Equation(outer[i], gain[i] * inner[i] / S) for i in range(d)]
    return equations


def _gain_sharp():
    a, beta, s, gain = sp.symbols("a b s g")
    # gamma = g 1: h = g k, k' = N_1(-a g k + beta e), s k = -a g k + beta e
    given = (a > 0, beta >= 0, s > 0, gain > 0, sp.Eq((s + a * gain) ** 2, beta**2))
    return [Sentence(given, sp.Eq(s, beta - a * gain))]


_STEPS = (
    identity(
        "inside_the_ball",
        "eps > 0, gain 1: |N(z)|^2 = d - d^2 eps/(|z|^2 + d eps) < d",
        "every d",
        _inside_the_ball,
        ("every_epsilon",),
    ),
    identity(
        "ellipsoid",
        "Sum (N_i/gamma_i)^2 = |z|^2/s^2: with gain the image lies in the ellipsoid diag(gamma)"
        " ball",
        "d in {1, 2, 3}",
        _ellipsoid,
    ),
    identity(
        "convex",
        "|t h + (1 - t) k|^2 = t |h|^2 + (1 - t) |k|^2 - t (1 - t)|h - k|^2: the ball is convex,"
        " and so is its linear image, the ellipsoid",
        "every d",
        _convex,
    ),
    cited(
        "brouwer_ball",
        "brouwer",
        "every eps > 0: a fixed point for every e, on the product of the L ellipsoids",
        "every d, every L",
        {
            "convex": ("convex", "ellipsoid"),
            "continuous": ("every_epsilon", "continuous"),
            "self_map": ("inside_the_ball", "ellipsoid"),
        },
    ),
    identity(
        "central_point",
        "N(-a h + beta e), |e| = R: h = x e with x (a + s) = beta, s^2 = eps/(1 - x^2) is fixed;"
        " multipliers -a/s across e, -a(1 - x^2)/s along e",
        "every d",
        _central_point,
        ("brouwer_ball",),
    ),
    decided(
        "useless",
        "it is the only fixed point (s h = -a h + beta e puts it on the line of e) and unstable"
        " across e iff eps < a^2 - beta^2/4; for 0 <= beta < a its multiplier has (a/s)^2 >= (a^2 -"
        " beta^2)/eps",
        "every d >= 2",
        _useless,
        ("central_point",),
    ),
    *CAP_STEPS,
    identity(
        "gain",
        "N_gamma(z) = diag(gamma) N_1(z): with h = diag(gamma) k the loop in k has gain 1 and reads"
        " g o diag(gamma)",
        "d in {1, 2, 3}",
        _gain,
    ),
    decided(
        "gain_sharp",
        "gamma = g 1, N_gamma(-a h + beta e): s = beta - a g > 0, so no fixed point for beta <= a"
        " g: sup|g| is over the ellipsoid",
        "every d",
        _gain_sharp,
        ("gain", "state_space"),
    ),
    deduced(
        "conclusion",
        "eps = 0 with gain (zeros allowed): a fixed point k of the gain-one loop gives the fixed"
        " point diag(gamma) k",
        "every d, every L",
        ("brouwer_cap", "gain", "sharp", "gain_sharp"),
    ),
)

N2 = Claim(
    id="N2",
    title="Existence of a fixed point under outer normalisation",
    source="paper+extension",
    statement=(
        "f(h, e) = N(z(h, e)). Every norm in f with eps > 0 (f continuous): f has a fixed point for"
        " every e, in the open ellipsoid diag(gamma) ball; it may be a central point that no orbit"
        " finds. eps = 0, z = g(h, e) + B e with |B e| > sup|g| over the states (every token): the"
        " image lies in the cap of angle arcsin(sup|g|/|B e|) around B e, and there is a fixed"
        " point. Sharp in every d: N(-a h + beta e) has none for beta < a."
    ),
    latex=(
        r"Let $N(z)=\gamma\circ z/\sqrt{|z|^2/d+\varepsilon}$ and $f(h,e)=N(z(h,e))$ with $z$"
        r" continuous. (i) If $\varepsilon>0$ (here and in every inner norm), $f(\cdot,e)$ has a"
        r" fixed point for every $e$, in the open ellipsoid $\{\gamma\circ k:|k|<\sqrt d\}$. (ii)"
        r" If $\varepsilon=0$, $z=g(h,e)+Be$ and $|Be|>G\ge|g(h,e)|$ for all $h$ in $\{\gamma\circ"
        r" k:|k|=\sqrt d\}$, then $z\ne0$, the angle between $z$ and $Be$ is at most"
        r" $\arcsin(G/|Be|)<\pi/2$ (best possible), and $f(\cdot,e)$ has a fixed point; for several"
        r" tokens the condition is asked of each. (iii) $\gamma=1$, $\varepsilon=0$, $|e|=\sqrt d$:"
        r" $N(-ah+\beta e)$ with $0\le\beta<a$ is continuous on the sphere and has no fixed point,"
        r" for every $d$."
    ),
    assumptions=(
        Assumption("every_epsilon", "eps > 0 in every norm of f, the inner ones included (part i)"),
        Assumption("continuous", "the pre-normalised map z is continuous in h on the states"),
        Assumption("dominates", "eps = 0, |B e| > G >= |g| on the states, every token (part ii)"),
        Assumption(
            "state_space", "sup|g| is taken over the states, the ellipsoid diag(gamma) sphere"
        ),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
    notes=(
        (
            "The cap is closed when sup|g| is attained; its angle is below 90 degrees, which is all"
            " that is needed."
        ),
        (
            "N(-h) or a rotation as the example without fixed point works with a rotation for even"
            " d only; -a h + beta e works for every d."
        ),
        "Gains may vanish: the argument runs on k with h = diag(gamma) k.",
        (
            "Existence is not reachability: for N(-a h + beta e) the point promised for eps > 0 is"
            " unstable iff eps < a^2 - beta^2/4 (eps -> 0: beta < 2 a, the threshold of N3), and"
            " for beta < a its multiplier is of order 1/sqrt(eps)."
        ),
    ),
    consequences=(
        Consequence(
            Axis.REACHABILITY,
            "exists",
            "each input has a fixed point; nothing is said about its basin",
            outer_norm=True,
            when="eps > 0 in every norm",
        ),
    ),
)
