"""Steps of N9 with the Jacobian of LayerNorm z -> Cz/s and its null directions.

s = sqrt(|Cz|^2/d + eps), and C is the projector orthogonal to (1, ..., 1).
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from ..kernel.algebra import Equation
from ..kernel.vectors import Span, span

S: Any = sp.Symbol("s", positive=True)
D: Any = sp.Symbol("d", positive=True)
EPS: Any = sp.Symbol("epsilon", positive=True)


def vectors() -> tuple[Span, Span, Span]:
    """z, v and the vector of ones; every inner product is free but <1, 1> = d."""
    zz, zv, vv, z1, v1 = sp.symbols("zz zv vv z1 v1", real=True)
    gram = {("z", "z"): zz, ("v", "z"): zv, ("v", "v"): vv}
    gram |= {("one", "z"): z1, ("one", "v"): v1, ("one", "one"): D}
    z, v, one = span("z v one", gram)
    return z, v, one


def centred(x: Span, one: Span) -> Span:
    """C x."""
    return x - (one.dot(x) / D) * one


def _derivative(z: Span, v: Span, one: Span) -> Span:
    """DN(z) v by differentiating the coefficients of C(z + tau v)/s; s stands for the root."""
    tau: Any = sp.Symbol("tau", real=True)
    moved = centred(z + tau * v, one)
    size = sp.sqrt(moved.dot(moved) / D + EPS)
    at_zero = centred(z, one)
    root = S**2 - at_zero.dot(at_zero) / D
    return moved.map(lambda c: sp.diff(c / size, tau).subs(tau, 0).subs(EPS, root))


def formula_of(z: Span, v: Span, one: Span) -> Span:
    """The formula (1/s)(C v - Cz <Cz, v>/(d s^2)) for DN(z) v."""
    c = centred(z, one)
    return (1 / S) * centred(v, one) - (c.dot(v) / (D * S**3)) * c


def jacobian_every_d() -> list[Equation]:
    """The Jacobian as a map of vectors, for every d."""
    z, v, one = vectors()
    found, wanted = _derivative(z, v, one), formula_of(z, v, one)
    return [Equation(found[n], wanted[n]) for n in ("z", "v", "one")]


def directions() -> list[Equation]:
    """The values of DN(z) on 1, on Cz and on a vector w orthogonal to both.

    w is v less its projections on 1 and on Cz.
    """
    z, v, one = vectors()
    c = centred(z, one)
    square = c.dot(c)
    share: Any = c.dot(v) / square
    across = centred(v, one) - share * c
    eps = S**2 - square / D
    cases = ((one, 0 * one), (c, (eps / S**3) * c), (across, (1 / S) * across))
    equations = [Equation(across.dot(x), sp.Integer(0)) for x in (one, c)]
    for vector, image in cases:
        found = formula_of(z, vector, one)
        equations += [Equation(found[n], image[n]) for n in ("z", "v", "one")]
    return equations


def entries() -> list[Equation]:
    """The entries of DN(z) for d = 2 and 3."""
    eps = sp.Symbol("eps", positive=True)
    equations = []
    for d in (2, 3):
        z: Any = sp.Matrix(sp.symbols(f"z:{d}", real=True))
        centre = sp.eye(d) - sp.ones(d, d) / d
        moved = centre * z
        square = moved.dot(moved) / d
        wanted = (centre - moved * moved.T / (d * S**2)) / S
        found = (moved / sp.sqrt(square + eps)).jacobian(z).subs(eps, S**2 - square)
        equations += [Equation(found[i, j], wanted[i, j]) for i in range(d) for j in range(d)]
    return equations
