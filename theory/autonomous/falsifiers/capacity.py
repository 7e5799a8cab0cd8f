"""M6: its sentences as programs, and loops in which one assumption fails."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import prod
from typing import Any, NamedTuple

import sympy as sp

from ...kernel.falsifier import Falsifier
from ...kernel.predicate import Predicate
from ..monotone_loops import MonotoneLoop, clamp


class Channel(NamedTuple):
    """A scalar loop with h_0 = e, whose state is read after `loops` iterations, or in the limit.

    Args:
        loop: the loop.
        inputs: the inputs that are sent.
        m: the number of fixed points that they are said to reach.
        loops: the number of iterations; None for the limit.
    """

    loop: MonotoneLoop
    inputs: tuple[Fraction, ...]
    m: int
    loops: int | None = None

    def output(self, e: Fraction) -> object:
        """What is read for one input."""
        if self.loops is None:
            return self.loop.limit(e)
        h = e
        for _ in range(self.loops):
            h = self.loop.step(h, e)
        return h

    def most_reached(self) -> int:
        """The largest number of fixed points of one map f(., e) that all starts together reach."""
        return max(len({self.loop.limit(h, e=e) for h in self.inputs}) for e in self.inputs)


def _told_apart(case: Channel) -> str | None:
    values = {case.output(e) for e in case.inputs}
    if len(values) <= case.m:
        return None
    return f"{len(values)} of {len(case.inputs)} inputs are told apart, and m = {case.m}"


TELLS_APART = Predicate[Channel](
    name="tells_apart",
    sentence=(
        "A loop without recall whose inputs reach at most m fixed points tells at most m inputs"
        " apart in the limit, so it transmits at most log2 m bits."
    ),
    concluded_by=("fixed_points_reached", "entropy"),
    assumptions={
        "autonomous": lambda case: case.loop.recall == 0,
        "limit": lambda case: case.loops is None and case.loop.continuous(),
        "reachable": lambda case: case.most_reached() <= case.m,
    },
    refute=_told_apart,
    example=lambda: Channel(clamp(2), (Fraction(-1, 2), Fraction(1, 3), Fraction(1, 2)), 2),
)


class Wells(NamedTuple):
    """h_i' = h_i - p_i(h_i) in each coordinate, on the smallest box that holds the fixed points.

    Args:
        rows: the coefficients of each p_i, the leading one first.
        roots: for each coordinate the zeros of p_i that are considered, in order.
        gap: the bound g that is assumed.
        curvature: the bound M that is assumed.
    """

    rows: tuple[tuple[Fraction, ...], ...]
    roots: tuple[tuple[Fraction, ...], ...]
    gap: Fraction
    curvature: Fraction

    def polynomials(self) -> list[tuple[Any, tuple[Fraction, ...]]]:
        """The polynomials with their zeros."""
        h = sp.Symbol("h")
        rows = [sp.Poly([sp.Rational(c) for c in row], h, domain="QQ") for row in self.rows]
        return list(zip(rows, self.roots, strict=True))


def nonnegative(p: Any, low: Fraction, high: Fraction) -> bool:
    """Whether a polynomial with rational coefficients is nowhere negative on an interval."""
    if p.is_zero:
        return True
    odd: Any = prod((factor for factor, power in p.sqf_list()[1] if power % 2), start=p.one)
    ends = sum(odd.eval(sp.Rational(x)) == 0 for x in {low, high})
    if odd.count_roots(sp.Rational(low), sp.Rational(high)) > ends:
        return False  # it changes its sign inside
    places = [low + (high - low) * Fraction(k, p.degree() + 1) for k in range(p.degree() + 2)]
    return all(p.eval(sp.Rational(x)) >= 0 for x in places)


def _gap_holds(case: Wells) -> bool:
    slopes = [p.diff().eval(sp.Rational(r)) for p, roots in case.polynomials() for r in roots]
    fixed = [p.eval(sp.Rational(r)) == 0 for p, roots in case.polynomials() for r in roots]
    return case.gap > 0 and all(fixed) and all(abs(x) >= case.gap for x in slopes)


def _curvature_holds(case: Wells) -> bool:
    return all(
        nonnegative(sp.Rational(case.curvature) + sign * p.diff((0, 2)), roots[0], roots[-1])
        for p, roots in case.polynomials()
        for sign in (1, -1)
    )


def _closer(case: Wells) -> str | None:
    closest = min(b - a for roots in case.roots for a, b in pairwise(roots))
    if closest * case.curvature >= 2 * case.gap:
        return None
    return f"fixed points {closest} apart, g = {case.gap}, M = {case.curvature}"


SEPARATION = Predicate[Wells](
    name="separation",
    sentence=(
        "Let |D^2 f| <= M on a convex set C: two fixed points in C with |(I - J)x| >= g|x| for all"
        " x, g > 0, are at least 2g/M apart"
    ),
    concluded_by=("separation",),
    assumptions={"gap": _gap_holds, "curvature": _curvature_holds},
    refute=_closer,
    example=lambda: Wells(_PARABOLA, ((Fraction(-1), Fraction(1)),), Fraction(1), Fraction(1)),
)
_PARABOLA = ((Fraction(1, 2), Fraction(0), Fraction(-1, 2)),)  # p = (h^2 - 1)/2
# p = (h^4 - 2 h^3 + h)/12 has p'' = h^2 - h: zero at the fixed points 0 and 1, and not between
_FLAT_ENDS = (tuple(Fraction(c, 12) for c in (1, -2, 0, 1, 0)),)


class Tokens(NamedTuple):
    """Averaging attention on scalar tokens.

    Each iteration is h_i' = h_i/2 + (mean of the visible tokens)/2 + i `position`.
    """

    tokens: tuple[Fraction, ...]
    causal: bool = False
    position: Fraction = Fraction(0)
    loops: int = 1

    def last(self) -> Sequence[Fraction]:
        """The tokens after the last iteration."""
        state = list(self.tokens)
        for _ in range(self.loops):
            seen = [state[: i + 1] if self.causal else state for i in range(len(state))]
            state = [
                (h + sum(keys, Fraction(0)) / len(keys)) / 2 + i * self.position
                for i, (h, keys) in enumerate(zip(state, seen, strict=True))
            ]
        return state


def _separated(case: Tokens) -> str | None:
    end = case.last()
    if len(set(zip(case.tokens, end, strict=True))) == len(set(case.tokens)):
        return None
    start, last = (", ".join(map(str, values)) for values in (case.tokens, end))
    return f"the tokens {start} become {last}"


EQUAL_TOKENS = Predicate[Tokens](
    name="equal_tokens",
    sentence=(
        "Without positional signal (a causal mask is one) tokens that start equal stay equal."
    ),
    concluded_by=("partition",),
    assumptions={"positionless": lambda case: not case.causal and case.position == 0},
    refute=_separated,
    example=lambda: Tokens((Fraction(1), Fraction(0), Fraction(1)), loops=3),
)

PREDICATES = (TELLS_APART, SEPARATION, EQUAL_TOKENS)

_TWO = (Fraction(0), Fraction(1))
FALSIFIERS = (
    Falsifier(
        "recall",
        "autonomous",
        TELLS_APART,
        lambda: Channel(MonotoneLoop(((Fraction(1, 2), 0),), recall=1), _TWO, 1),
    ),
    Falsifier(
        "finite_time",
        "limit",
        TELLS_APART,
        lambda: Channel(MonotoneLoop(((Fraction(1, 2), 0),)), _TWO, 1, loops=1),
    ),
    Falsifier(
        "a_continuum_of_fixed_points",
        "reachable",
        TELLS_APART,
        lambda: Channel(MonotoneLoop(((1, 0),)), _TWO, 1),
    ),
    Falsifier(
        "gap_overstated",
        "gap",
        SEPARATION,
        lambda: Wells(_PARABOLA, ((Fraction(-1), Fraction(1)),), Fraction(2), Fraction(1)),
    ),
    Falsifier(
        "curvature_at_the_fixed_points_only",
        "curvature",
        SEPARATION,
        lambda: Wells(_FLAT_ENDS, (_TWO,), Fraction(1, 12), Fraction(1, 100)),
    ),
    Falsifier(
        "causal_mask",
        "positionless",
        EQUAL_TOKENS,
        lambda: Tokens((Fraction(1), Fraction(0), Fraction(1)), causal=True),
    ),
    Falsifier(
        "position",
        "positionless",
        EQUAL_TOKENS,
        lambda: Tokens((Fraction(1), Fraction(1)), position=Fraction(1)),
    ),
)
