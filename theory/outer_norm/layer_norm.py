"""LayerNorm z -> Cz/s, s = sqrt(|Cz|^2/d + eps), C the projector across (1, ..., 1): its Jacobian
and null directions (N1).
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from ..kernel.algebra import Equation
from ..kernel.vectors import Span, span

S: Any = sp.Symbol("s", positive=True)
D: Any = sp.Symbol("d", positive=True)
EPS: Any = sp.Symbol("epsilon", positive=True)


def _vectors() -> tuple[Span, Span, Span]:
    """z, v and the vector of ones, with every inner product free."""
    zz, zv, vv, z1, v1 = sp.symbols("zz zv vv z1 v1", real=True)
    gram = {
        ("z", "z"): zz,
        ("v", "z"): zv,
        ("v", "v"): vv,
        ("one", "z"): z1,
        ("one", "v"): v1,
        ("one", "one"): D,
    }
    z, v, one = span("z v one", gram)
    return z, v, one


def _centred(x: Span, one: Span) -> Span:
    return x - (one.dot(x) / D) * one


def _derivative(z: Span, v: Span, one: Span) -> Span:
    """DN(z) v by differentiating the coefficients of C(z + tau v)/s, written with s for the
    root.
    """
    tau: Any = sp.Symbol("tau", real=True)
    moved = _centred(z + tau * v, one)
    size = sp.sqrt(moved.dot(moved) / D + EPS)
    at_zero = _centred(z, one)
    root = S**2 - at_zero.dot(at_zero) / D
    return moved.map(lambda c: sp.diff(c / size, tau).subs(tau, 0).subs(EPS, root))


def _formula(z: Span, v: Span, one: Span) -> Span:
    """(1/s)(C v - Cz <Cz, v>/(d s^2))."""
    c = _centred(z, one)
    return (1 / S) * _centred(v, one) - (c.dot(v) / (D * S**3)) * c


def jacobian_every_d() -> list[Equation]:
    """The Jacobian as a map of vectors."""
    z, v, one = _vectors()
    found, wanted = _derivative(z, v, one), _formula(z, v, one)
    return [Equation(found[n], wanted[n]) for n in ("z", "v", "one")]


def directions() -> list[Equation]:
    """Its values on 1, on Cz and on a vector w = v - (projections of v on 1 and Cz), across
    both.
    """
    z, v, one = _vectors()
    c = _centred(z, one)
    square = c.dot(c)
    share: Any = c.dot(v) / square
    across = _centred(v, one) - share * c
    radial = S**2 - square / D  # eps
    cases = ((one, 0 * one), (c, (radial / S**3) * c), (across, (1 / S) * across))
    return [
        Equation(across.dot(one), sp.Integer(0)),
        Equation(across.dot(c), sp.Integer(0)),
        *(
            Equation(_formula(z, vector, one)[n], image[n])
            for vector, image in cases
            for n in ("z", "v", "one")
        ),
    ]


def entries() -> list[Equation]:
    """d = 2, 3 in full, the first row for d = 4 (the others by permuting coordinates)."""
    eps = sp.Symbol("eps", positive=True)
    equations = []
    for d in (2, 3, 4):
        z: Any = sp.Matrix(sp.symbols(f"z:{d}", real=True))
        centre = sp.eye(d) - sp.ones(d, d) / d
        centred = centre * z
        square = centred.dot(centred) / d
        wanted = (centre - centred * centred.T / (d * S**2)) / S
        rows = d if d < 4 else 1
        found = (centred[:rows, :] / sp.sqrt(square + eps)).jacobian(z).subs(eps, S**2 - square)
        equations += [Equation(found[i, j], wanted[i, j]) for i in range(rows) for j in range(d)]
    return equations
