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
from ..kernel.proof import Sentence, both, cited, decided, identity
from ..kernel.vectors import span
from .existence_cap import CAP_STEPS
from .falsifiers.existence import FALSIFIERS, PREDICATES

R, A, BETA, S, X = sp.symbols("R a beta s x", positive=True)


def inside_the_ball() -> list[Equation]:
    """The square of the length of N(z) at gain 1."""
    d, eps, length = sp.symbols("d epsilon n", positive=True)
    (z,) = span("z", {("z", "z"): length**2})
    normal = (1 / S) * z  # s^2 = |z|^2/d + eps
    size = normal.dot(normal).subs(S, sp.sqrt(length**2 / d + eps))
    return [Equation(size, d - d**2 * eps / (length**2 + d * eps))]


def convex() -> list[Equation]:
    """Why the ball is convex: its square on a segment, by that at the ends."""
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


def _conclusion():
    gain, k, z, s = sp.symbols("gamma k z s")  # an entry of the gain, of k, and of z(gamma o k, e)

    def point(rng: random.Random) -> dict[sp.Symbol, Any]:
        factor, entry = rational(rng, positive=True), rational(rng)
        zero = rng.random() < 1 / 4
        return {
            gain: sp.Integer(0) if zero else rational(rng),
            s: factor,
            k: entry,
            z: factor * entry,
        }

    # k is fixed by the loop with gain 1: k = z/s, and then so is gamma o k by the loop with gain
    return [Equation(gain * z / s, gain * k, (s * k - z,), point)]


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
        inside_the_ball,
        ("outer_norm", "epsilon"),
    ),
    identity(
        "convex",
        "|t h + (1 - t) k|^2 = t |h|^2 + (1 - t) |k|^2 - t (1 - t)|h - k|^2: the ball is convex",
        "every d",
        convex,
    ),
    cited(
        "brouwer_ball",
        "brouwer",
        "eps > 0: the loop k' = N_1(z(gamma o k, e)) has a fixed point for every e in the product"
        " of the L balls",
        "every d, every L",
        {
            "convex": ("convex",),
            "continuous": ("epsilon", "continuous"),
            "self_map": ("inside_the_ball",),
        },
    ),
    identity(
        "central_point",
        "N(-a h + beta e), |e| = R: h = x e with x (a + s) = beta, s^2 = eps/(1 - x^2) is fixed;"
        " multipliers -a/s across e, -a(1 - x^2)/s along e",
        "every d",
        _central_point,
        ("brouwer_ball", "negative_update"),
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
    decided(
        "gain_sharp",
        "gamma = g 1, N_gamma(-a h + beta e): s = beta - a g > 0, so no fixed point for beta <= a"
        " g: sup|g| is over the ellipsoid",
        "every d",
        _gain_sharp,
        ("state_space",),
    ),
    identity(
        "conclusion",
        "entry by entry: if k = N_1(z(gamma o k, e)), then h = gamma o k = N_gamma(z(h, e)), also"
        " where gamma has zeros",
        "every d, every L",
        _conclusion,
        ("brouwer_ball", "brouwer_cap"),
    ),
)

N2 = Claim(
    id="N2",
    title="Existence of a fixed point under outer normalisation",
    source="paper+extension",
    statement=(
        "Let f(h, e) = N(z(h, e)), with states h = gamma o k, |k| <= R (|k| = R if eps = 0); gains"
        " may vanish. If eps > 0 and z is continuous on the states, f has a fixed point for every"
        " e; it may be a central point that no orbit finds. If eps = 0 and z = g(h, e) + B e with g"
        " continuous and |B e| > G >= |g| on the states, f has a fixed point, and z is within the"
        " angle arcsin(G/|B e|) of B e at every state. With several tokens the condition is asked"
        " of each. This is sharp in every dimension: N(-a h + beta e) with eps = 0, gain 1, |e| = R"
        " and 0 <= beta < a has no fixed point."
    ),
    latex=(
        r"Let $N(z)=\gamma\circ z/\sqrt{|z|^2/d+\varepsilon}$ and $f(h,e)=N(z(h,e))$ with $z$"
        r" continuous. (i) If $\varepsilon>0$, $f(\cdot,e)$ has a fixed point"
        r" for every $e$, in the open ellipsoid $\{\gamma\circ k:|k|<\sqrt d\}$. (ii)"
        r" If $\varepsilon=0$, $z=g(h,e)+Be$ and $|Be|>G\ge|g(h,e)|$ for all $h$ in $\{\gamma\circ"
        r" k:|k|=\sqrt d\}$, then $z\ne0$, the angle between $z$ and $Be$ is at most"
        r" $\arcsin(G/|Be|)<\pi/2$ (best possible), and $f(\cdot,e)$ has a fixed point; for several"
        r" tokens the condition is asked of each. (iii) $\gamma=1$, $\varepsilon=0$, $|e|=\sqrt d$:"
        r" $N(-ah+\beta e)$ with $0\le\beta<a$ is continuous on the sphere and has no fixed point,"
        r" for every $d$."
    ),
    assumptions=(
        Assumption("outer_norm", "N is the last operation of f"),
        Assumption("epsilon", "eps > 0 in the norm N (part i)"),
        Assumption(
            "continuous",
            "z is continuous in h on the states; an inner norm with eps = 0 is not, where its"
            " argument vanishes",
        ),
        Assumption("dominates", "eps = 0 and |B e| > G, every token (part ii)"),
        Assumption(
            "state_space", "G >= |g| on all states, the ellipsoid diag(gamma) sphere (part ii)"
        ),
        Assumption("negative_update", "g = -a h with a > 0 (central point and sharp example only)"),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
    predicates=PREDICATES,
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
