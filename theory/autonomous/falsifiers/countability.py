"""A2: its sentences as programs, and scalar loops in which one assumption fails."""

from __future__ import annotations

from fractions import Fraction
from math import prod
from typing import Any, NamedTuple

import sympy as sp

from ...kernel.falsifier import Falsifier
from ...kernel.predicate import Predicate

H, P, Q, E = sp.symbols("h p q e")
"""the state, two parameters, and the input, of polynomial loops"""


class ScalarFamily(NamedTuple):
    """A scalar loop f(h, theta) = h - F(h, theta), F a polynomial in h and the parameters.

    Args:
        gap: the polynomial F, in H and the parameters.
        theta: the parameters with their values.
    """

    gap: Any
    theta: tuple[tuple[sp.Symbol, Any], ...]

    def at(self, expression: Any) -> Any:
        """A polynomial in h: the expression at these parameters."""
        return sp.Poly(sp.sympify(expression).subs(dict(self.theta)), H, domain="QQ")

    def degenerate(self) -> Any:
        """A polynomial whose real zeros are the fixed points with 1 - f' = 0."""
        return sp.gcd(self.at(self.gap), self.at(sp.diff(self.gap, H)))

    def parameters_act(self) -> bool:
        """Whether D_theta f is not zero at any fixed point."""
        common = self.at(self.gap)
        for name, _ in self.theta:
            common = sp.gcd(common, self.at(sp.diff(self.gap, name)))
        return not _has_real_zero(common)

    def generic(self) -> bool:
        """Whether theta is outside of a null set of parameters, the zeros of a polynomial.

        It is the discriminant of the product of all different factors of F, or such a factor that
        does not contain h. The polynomial is not zero.
        """
        factors = [factor for factor, _ in sp.sqf_list(self.gap)[1]]
        with_h = prod((x for x in factors if x.has(H)), start=sp.Integer(1))
        exceptional = sp.discriminant(with_h, H) if with_h.has(H) else sp.Integer(1)
        others = prod((x for x in factors if not x.has(H)), start=sp.Integer(1))
        return (exceptional * others).subs(dict(self.theta)) != 0


def _has_real_zero(p: Any) -> bool:
    return p.is_zero or p.count_roots() > 0


def _degenerate(case: ScalarFamily) -> str | None:
    common = case.degenerate()
    if not _has_real_zero(common):
        return None
    theta = ", ".join(f"{name} = {value}" for name, value in case.theta)
    return (
        f"f = h - ({case.gap}), {theta}: 1 - f' = 0 at fixed points, where {common.as_expr()} = 0"
    )


NON_DEGENERATE = Predicate[ScalarFamily](
    name="non_degenerate",
    sentence="For almost every theta every fixed point in Omega has det(I - J) != 0.",
    concluded_by=("non_degenerate",),
    assumptions={"rank": ScalarFamily.parameters_act, "generic": ScalarFamily.generic},
    refute=_degenerate,
    example=lambda: cubic(Fraction(-3), Fraction(1)),
)


def cubic(p: Fraction, q: Fraction, e: Fraction = Fraction(0)) -> ScalarFamily:
    """The loop h' = h - (h^3 + p h + q + e) at given parameters, for the input e."""
    values = ((P, sp.Rational(p)), (Q, sp.Rational(q)))
    return ScalarFamily(H**3 + P * H + Q + sp.Rational(e), values)


class Wave(NamedTuple):
    """h' = h - s(1/h) + b for h > 0, s(x) the distance of x from the even integers; s = 0 else.

    Args:
        bias: the bias b.
        low: the fixed points are counted on the compact set [low, 1].
        start: Omega is the set of h > start; None if it is the whole line.
    """

    bias: Fraction
    low: Fraction
    start: Fraction | None = None

    def is_lipschitz(self) -> bool:
        """Whether s(1/h) is locally Lipschitz on Omega: everywhere but at 0."""
        return self.start is not None and self.start >= 0

    def inside(self) -> bool:
        """Whether the compact set lies in Omega."""
        return self.start is None or self.low > self.start


def _infinitely_many(case: Wave) -> str | None:
    if case.low > 0 or not 0 < case.bias < 1:
        return None
    return f"h = 1/(k + {case.bias}) is fixed for k = 2, 4, 6, ..., on [{case.low}, 1]"


FINITE = Predicate[Wave](
    name="finite",
    sentence=(
        "The fixed points in Omega are then isolated and countable, and finitely many in each"
        " compact subset of Omega."
    ),
    concluded_by=("countable",),
    assumptions={
        "smooth": Wave.is_lipschitz,
        "inside": Wave.inside,
        # the values of s at its kinks
        "generic": lambda case: case.bias not in (0, 1),
    },
    refute=_infinitely_many,
    example=lambda: Wave(Fraction(1, 2), Fraction(1, 9), Fraction(0)),
)

PREDICATES = (NON_DEGENERATE, FINITE)

FALSIFIERS = (
    Falsifier("double_root", "generic", NON_DEGENERATE, lambda: cubic(Fraction(-3), Fraction(2))),
    Falsifier(
        "rank_lost_at_the_fixed_point",
        "rank",
        NON_DEGENERATE,
        lambda: ScalarFamily(P * H**2, ((P, sp.Integer(1)),)),
    ),
    Falsifier(
        "not_lipschitz_at_a_point", "smooth", FINITE, lambda: Wave(Fraction(1, 2), Fraction(0))
    ),
    Falsifier(
        "accumulation_at_the_singular_set",
        "inside",
        FINITE,
        lambda: Wave(Fraction(1, 2), Fraction(0), Fraction(0)),
    ),
)
