"""R3 a, b, e: when a residual stream with a bounded update has no fixed point.

With two sub-blocks it can have one, but not far out.
"""

from __future__ import annotations

import random

import sympy as sp

from ..formulas import formula
from ..kernel.algebra import Equation, Words, diagonal, letters, random_matrix, rational
from ..kernel.proof import Sentence, cited, decided, deduced, identity
from ..kernel.vectors import span


def _ray():
    radius, length, factor = sp.symbols("R n tau", positive=True)
    (h,) = span("h", {("h", "h"): length**2})
    stretched = factor * h  # |tau h| = tau n
    return [
        Equation(((radius / (factor * length)) * stretched)["h"], ((radius / length) * h)["h"]),
        Equation(((radius / length) * h).dot((radius / length) * h), radius**2),
    ]


def _covering():
    # p = N^{d-1} and x = (4 l R q)^d, so that the cube around a ball of radius l x diameter has
    # the volume (2 l q 2R/N)^d = x/(p N)
    d, pieces, p, x = sp.symbols("d N p x", positive=True)
    return [Equation((2 * d * p) * (x / (p * pieces)), 2 * d * x / pieces)]


def _peri_step():
    # the sums over the first entries of (gamma_i x_i)^2 (S) and x_i^2 (q), then one more (from 0)
    gain, least, x, total, squares = sp.symbols("gamma g x S q")
    after, size = total + (gain * x) ** 2, squares + x**2
    given = (total >= least**2 * squares, gain**2 >= least**2)
    d, step = sp.symbols("d T")
    return [
        Sentence(given, after >= least**2 * size),
        Sentence((least > 0, d > 0, step >= least**2 * d), step > 0),
    ]


def _separation():
    size, gap, spread, t = sp.symbols("m k s t")
    # p nearest to 0, x in the hull, k = |p|^2 - <p, x>, s = |x - p|^2:
    # |p + t (x - p)|^2 = |p|^2 - 2 t k + t^2 s
    return [
        Sentence((gap > 0, t > 0, t * spread <= gap), size - 2 * t * gap + t**2 * spread < size)
    ]


def _linear_growth():
    c0, c, time, size, start, along, norm, after = sp.symbols("c_0 C t x h s n y")
    grown = along >= c0 * time - start  # s = <w, h_t>, |w| = 1, gains c_0 at least per iteration
    return [
        Sentence((grown, after >= along + c0), after >= c0 * (time + 1) - start),
        Sentence((grown, norm >= 0, norm**2 >= along**2), norm >= c0 * time - start),
        Sentence((size <= start + c * time, after <= size + c), after <= start + c * (time + 1)),
    ]


def _edge():
    c, slope, delta = sp.symbols("C l delta", positive=True)
    edge = formula("fixed_point_radius")(c, slope, delta)
    return [Equation(slope * c / (edge - c), delta)]


def _beyond():
    c, slope, delta, r, error, size = sp.symbols("C l delta r e u")
    far = (
        delta > 0,
        r > c,
        error * (r - c) <= slope * c,
        size >= delta - error,
        r * delta > c * (delta + slope),
    )
    return [Sentence(far, size > 0)]


def _projectors(rng: random.Random, size: int):
    first, second, a1, a2, d1, d2 = _two_block_letters()
    values = {}
    for projector, slope, direction in ((first, a1, d1), (second, a2, d2)):
        basis, length = random_matrix(rng, size), diagonal([rational(rng, positive=True)] * size)
        across = basis * diagonal([0] + [1] * (size - 1)) * basis.inv()
        values |= {
            projector: diagonal([1] * size) - across,
            direction: length.inv() * across,
            slope: diagonal([-1] * size) * length * across,
        }
    return values


def _two_block_letters() -> tuple[sp.Symbol, ...]:
    return letters("E_1 E_2 A_1 A_2 D_1 D_2")


def _two_block_sink():
    # E projects on n_1 = n(h), n_2 = n(h + u_1); Dn = (1 - E)/|.| there, and the slopes
    # A = -|.|(1 - E) give A Dn = E - 1
    first, second, a1, a2, d1, d2 = _two_block_letters()
    rules = (((a1, d1), first - 1), ((a2, d2), second - 1))
    r, s = sp.symbols("r s", positive=True)
    n1, n2 = span("a b", {("a", "a"): 1, ("a", "b"): 0, ("b", "b"): 1})
    h = r * n1
    middle = h + (s * n2 - r * n1)
    after = middle + (r * n1 - s * n2)
    return [
        Words((1 + a2 * d2) * (1 + a1 * d1), second * first, rules, _projectors),
        Equation(middle.dot(middle), s**2),
        Equation(middle.dot(n2), s),
        Equation(after.dot(after), r**2),
        Equation(after.dot(n1), r),
    ]


NO_FIXED_POINT_STEPS = (
    identity(
        "ray",
        "eps = 0: N(tau h) = N(h) for tau > 0 and |N(h)| = R, so u(N(h)) depends on the direction"
        " only",
        "every d",
        _ray,
        ("eps_zero", "bounded_update"),
    ),
    cited(
        "cube_to_sphere",
        "convex_projection",
        "the nearest-point projection on the ball of radius R carries the surface of its cube onto"
        " the sphere and is 1-Lipschitz",
        "every d",
        {"convex": ("ray",)},
    ),
    identity(
        "covering",
        "2 d N^{d-1} pieces of side 2R/N cover that surface; their images under an l-Lipschitz u"
        " lie in cubes of total volume 2 d (4 l R sqrt(d-1))^d/N",
        "every d",
        _covering,
        ("cube_to_sphere",),
    ),
    deduced(
        "generic_bias_excludes",
        "N -> oo: u(S) is compact and null; a fixed point of h + u(N(h)) + b needs -b in u(S), so"
        " for every b off a closed null set there is none, and the step stays above dist(-b,"
        " u(S)) > 0",
        "every d",
        ("covering", "ray", "one_sub_block", "one_token", "generic_bias"),
    ),
    decided(
        "peri_never",
        "peri, one sub-block, n of norm R: |gamma o n|^2 >= min gamma^2 |n|^2, entry by entry, so"
        " |h' - h|^2 >= d min gamma^2 > 0 for every token if no gain is 0",
        "every d by induction, every L",
        _peri_step,
        ("ray", "one_sub_block", "eps_zero", "gain_without_zeros"),
    ),
    cited(
        "nearest_update",
        "convex_projection",
        "the closed convex hull of the values of U has a point p nearest to 0, |p| = c_0 > 0",
        "every d, every L",
        {"convex": ("outside_hull",)},
    ),
    decided(
        "separation",
        "<p, x> >= |p|^2 for every x of the hull: otherwise a point between p and x is nearer to 0",
        "every d, every L",
        _separation,
        ("nearest_update",),
    ),
    decided(
        "linear_growth",
        "w = p/|p|: <w, h_t> >= <w, h_0> + c_0 t, so |h_t| >= c_0 t - |h_0|; and |h_t| <= |h_0|"
        " + C t",
        "every d, every L, every t by induction",
        _linear_growth,
        ("separation", "bounded_update"),
    ),
    identity(
        "far_from_fixed",
        "at r = C (1 + l/delta) the change of u_2, l C/(r - C), equals delta",
        "every d",
        _edge,
    ),
    decided(
        "bounded_region",
        "two sub-blocks with |u_1 + u_2| >= delta on the sphere: |U(h)| >= delta - l C/(r - C) > 0"
        " beyond that radius, so every fixed point lies within",
        "every d",
        _beyond,
        ("far_from_fixed", "asymptotic_update"),
    ),
    identity(
        "two_block_sink",
        "two sub-blocks can have a reachable fixed point: h = r n_1, u_1 = s n_2 - r n_1, u_2 ="
        " -u_1, n_1 across n_2, Du_i = -|.|(1 - E_i): J = E_2 E_1 = <n_1, n_2> n_2 n_1^T = 0",
        "every d >= 2",
        _two_block_sink,
    ),
    cited(
        "two_block_open",
        "implicit_function",
        "I - J = I is invertible: the fixed point persists, and by continuity of J stays"
        " contractive, on an open set of parameters",
        "every d >= 2",
        {"smooth": ("smooth",), "invertible": ("two_block_sink",)},
    ),
)
