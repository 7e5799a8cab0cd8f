"""Exact cases of S1: steps g of small rational matrices, damped with w, and a pre-norm step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import sympy as sp

from ...formulas import formula
from ...kernel.falsifier import Falsifier
from ...kernel.predicate import Predicate

Z = sp.Symbol("z")


def rationals(rows: Any) -> Any:
    """A matrix of exact rationals."""
    return sp.Matrix([[sp.Rational(x) for x in row] for row in rows])


def attracts(polynomial: Any) -> bool:
    """Whether all roots of a rational polynomial lie inside the unit circle (Schur and Cohn).

    Example:
        >>> import sympy as sp
        >>> from loopstab.theory.residuals.falsifiers.damping import Z, attracts
        >>> [attracts(sp.Poly(p, Z)) for p in (Z**2 + sp.Rational(1, 4), Z**2 - 1)]
        [True, False]
    """
    c = list(polynomial.all_coeffs())  # the leading coefficient first
    while len(c) > 1:
        first, last = c[0], c[-1]
        if abs(last) >= abs(first):
            return False
        c = [first * x - last * y for x, y in zip(c, c[::-1], strict=True)][:-1]
    return True


@dataclass(frozen=True)
class Damped:
    """g(h, e) = G h + K e + c with damping w.

    Args:
        matrix: the rows of G.
        w: the damping.
        recall: the column K.
        offset: the column c.
        eigenvalues: pairs (p, q) with p + i q for all eigenvalues of G, where they are rational.
    """

    matrix: Any
    w: Any
    recall: Sequence[Any] = ()
    offset: Sequence[Any] = ()
    eigenvalues: Sequence[tuple[Any, Any]] = ()

    @cached_property
    def g(self) -> Any:
        """G."""
        return rationals(self.matrix)

    @cached_property
    def share(self) -> Any:
        """The damping w as a rational."""
        return sp.Rational(self.w)

    def damped(self, w: Any) -> Any:
        """The characteristic polynomial of (1 - w) I + w G."""
        return ((1 - w) * sp.eye(self.g.rows) + w * self.g).charpoly(Z).as_poly()

    def known(self) -> bool:
        """Whether the eigenvalues are those of G."""
        product = sp.prod(Z - sp.Rational(p) - sp.I * sp.Rational(q) for p, q in self.eigenvalues)
        return sp.expand(product - self.g.charpoly(Z).as_expr()) == 0

    def limits(self) -> list[Any]:
        """The damping at which each eigenvalue reaches the unit circle; 0 for the eigenvalue 1."""
        return [
            formula("damping_limit")(sp.Rational(p), sp.Rational(q)) if (p, q) != (1, 0) else 0
            for p, q in self.eigenvalues
        ]


def _left(case: Damped) -> bool:
    """Re l < 1 for every root l of the characteristic polynomial, by the Cayley transform.

    Re l < 1 if and only if |(1 + l - 1)/(1 - (l - 1))| < 1.
    """
    size = case.g.rows
    shifted = case.g - sp.eye(size)
    below = sp.eye(size) - shifted
    if below.det() == 0:
        return False  # an eigenvalue 2
    cayley = (sp.eye(size) + shifted) * below.inv()
    return attracts(cayley.charpoly(Z).as_poly())


def _no_damping(case: Damped) -> str | None:
    """Between the dampings at which an eigenvalue crosses the circle, one of each is enough."""
    ends = sorted({sp.Integer(0), sp.Integer(1), *(x for x in case.limits() if 0 < x < 1)})
    tried = [(x + y) / 2 for x, y in pairwise(ends)]
    if any(attracts(case.damped(w)) for w in tried):
        return None
    return f"G = {case.matrix}: rho >= 1 at w = {', '.join(map(str, tried))}"


def _wrong_limit(case: Damped) -> str | None:
    found, limit = attracts(case.damped(case.share)), min(case.limits())
    if found == (case.share < limit):
        return None
    said = "<" if found else ">="
    return f"G = {case.matrix}, w = {case.w}: rho {said} 1, and the limit is {limit}"


def _moved(case: Damped) -> str | None:
    """The fixed points of f at e = 0 and their derivative by the input, against those of g."""
    size = case.g.rows
    unit, c, k = sp.eye(size), sp.Matrix(list(case.offset)), sp.Matrix(list(case.recall))
    w, g = case.share, case.g
    jacobian = (1 - w) * unit + w * g
    found = sp.linsolve((unit - jacobian, w * c)), sp.linsolve((unit - jacobian, w * k))
    wanted = sp.linsolve((unit - g, c)), sp.linsolve((unit - g, k))
    if found == wanted:
        return None
    return f"G = {case.matrix}, w = {case.w}: {found} against {wanted}"


@dataclass(frozen=True)
class Bounded:
    """A state h and the value g(h) there, with |g| <= C.

    Args:
        state: h.
        value: g(h).
        bound: C.
        w: the damping.
    """

    state: Sequence[Any]
    value: Sequence[Any]
    bound: Any
    w: Any


def _square(vector: Sequence[Any]) -> Any:
    return sum(sp.Rational(x) ** 2 for x in vector)


def _leaves(case: Bounded) -> str | None:
    w, limit = sp.Rational(case.w), sp.Rational(case.bound) ** 2
    if _square(case.state) > limit:
        return None
    pairs = zip(case.state, case.value, strict=True)
    moved = [(1 - w) * sp.Rational(h) + w * sp.Rational(g) for h, g in pairs]
    if _square(moved) <= limit:
        return None
    return f"|f|^2 = {_square(moved)} > C^2 = {limit} at w = {w}"


@dataclass(frozen=True)
class PreNorm:
    """h + a (U N(h) + c) at a state with a rational s(h) = sqrt(mean h^2 + eps).

    Args:
        state: h.
        matrix: the rows of U.
        eps: the constant of the norm.
        strength: a.
    """

    state: Sequence[Any]
    matrix: Any
    eps: Any
    strength: Any


def _turns_the_ray(case: PreNorm) -> str | None:
    state = [sp.Rational(x) for x in case.state]
    names: Any = sp.symbols(f"x:{len(state)}")
    x, h = sp.Matrix(names), sp.Matrix(state)
    norm = x / sp.sqrt((x.T * x)[0] / len(state) + sp.Rational(case.eps))
    step = x + sp.Rational(case.strength) * rationals(case.matrix) * norm
    moved = step.jacobian(x).subs(dict(zip(names, state, strict=True))) * h
    return None if moved == h else f"h = {state}, and J h = {moved.flat()}"


BALL = Predicate(
    "ball",
    "If |g| <= C and 0 <= w <= 1, f maps the ball |h| <= C into itself.",
    ("norms",),
    {
        "bounded": lambda case: _square(case.value) <= sp.Rational(case.bound) ** 2,
        "share": lambda case: 0 <= sp.Rational(case.w) <= 1,
    },
    _leaves,
    lambda: Bounded((3, 4), (-4, 3), 5, "1/2"),
)
SAME = Predicate(
    "same",
    "For w != 0 the fixed points of f are those of g, with the same derivative by the input.",
    ("same_points", "same_sensitivity"),
    {"moves": lambda case: case.share != 0},
    _moved,
    lambda: Damped([[0, -2], [2, 0]], "1/4", (1, 0), (1, 1)),
)
LIMIT = Predicate(
    "limit",
    "For w > 0, rho(D_h f) < 1 at a fixed point if and only if w < w*, the least value of 2 (1 - Re"
    " l)/|1 - l|^2 over the eigenvalues l of G = D_h g (and 0 if l = 1).",
    ("eigenvalues", "modulus"),
    {"positive": lambda case: case.share > 0, "spectrum": Damped.known},
    _wrong_limit,
    lambda: Damped([[0, -2], [2, 0]], "1/4", eigenvalues=((0, 2), (0, -2))),
)
EXISTS = Predicate(
    "exists",
    "If Re l < 1 for every eigenvalue l of G, some w in (0, 1] makes rho(D_h f) < 1.",
    ("eigenvalues", "modulus", "some_damping"),
    {"left": _left, "spectrum": Damped.known},
    _no_damping,
    lambda: Damped([[0, -2], [2, 0]], 1, eigenvalues=((0, 2), (0, -2))),
)
RAY = Predicate(
    "ray",
    "Without the factor 1 - w no strength makes a fixed point attract: h + a u(N(h), e) with eps ="
    " 0 has J h = h at every state h != 0.",
    ("ray",),
    {"eps_zero": lambda case: sp.Rational(case.eps) == 0},
    _turns_the_ray,
    lambda: PreNorm((1, 7), [[0, 1], [-2, 1]], 0, "1/2"),
)
PREDICATES = (BALL, SAME, LIMIT, EXISTS, RAY)

FALSIFIERS = (
    Falsifier("large_update", "bounded", BALL, lambda: Bounded((1,), (3,), 2, "3/4")),
    Falsifier("overshoot", "share", BALL, lambda: Bounded((-1,), (1,), 1, 2)),
    Falsifier("no_update", "moves", SAME, lambda: Damped([[0]], 0, (1,), (1,))),
    Falsifier("backwards", "positive", LIMIT, lambda: Damped([[0]], -1, eigenvalues=((0, 0),))),
    Falsifier(
        "other_spectrum", "spectrum", LIMIT, lambda: Damped([[-3]], "3/4", eigenvalues=((0, 0),))
    ),
    # the eigenvalue 2 becomes 1 + w
    Falsifier("real_instability", "left", EXISTS, lambda: Damped([[2]], 1, eigenvalues=((2, 0),))),
    Falsifier("positive_eps", "eps_zero", RAY, lambda: PreNorm((3,), [[-1]], 16, "1/2")),
)
