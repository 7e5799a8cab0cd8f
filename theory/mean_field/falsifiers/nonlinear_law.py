"""N7 as programs, and exact cases in which a sentence of it fails without one assumption.

The moments of the law are exact: of polynomial activations, or given as numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import sympy as sp

from ...formulas import formula
from ...kernel.falsifier import Falsifier
from ...kernel.predicate import Predicate


class Edge(NamedTuple):
    """A loop at its fixed point, by the moments q = E phi(h)^2 and c = E phi'(h)^2."""

    a: Any
    sigma: Any
    beta: Any
    q: Any
    c: Any


def _unstable(case: Edge) -> str | None:
    rho = formula("mean_field_rho_nonlinear")(*case)
    return None if rho < 1 else f"{case}: rho = {rho}"


STABLE = Predicate(
    name="stable",
    sentence="If beta > beta_c or c < q, then rho < 1.",
    concluded_by=("above_the_edge", "edge_identity"),
    assumptions={
        "recall": lambda case: case.beta > 0,
        "above_edge": lambda case: case.beta**2 > case.sigma**2 * (case.c - case.q),
    },
    refute=_unstable,
    example=lambda: Edge(1, 1, 1, sp.Rational(1, 2), 1),
)


class Square(NamedTuple):
    """phi(x) = x^2 and an input of this fourth moment, whose share of the variance of h is v."""

    kurtosis: Any
    v: Any


def _leaves_the_bulk(case: Square) -> str | None:
    v, kurtosis = case.v, case.kurtosis
    q, slope = 3 + (kurtosis - 3) * v**2, 2 * (kurtosis - 3) * v
    outlier = formula("input_outlier")(v, q, slope)
    return None if outlier == 0 else f"phi = x^2, {case}: nu* = {outlier} w"


NO_OUTLIER = Predicate(
    name="no_outlier",
    sentence="For Gaussian e, h has standard Gaussian entries and nu* = 0.",
    concluded_by=("outlier_gaussian",),
    assumptions={"gaussian_input": lambda case: case.kurtosis == 3},
    refute=_leaves_the_bulk,
    example=lambda: Square(3, sp.Rational(7, 10)),
)


class OddPolynomial(NamedTuple):
    """phi(x) = Sum coefficients[k] x^(2k+1), entries +-1 of the input, and (beta/sigma)^2."""

    coefficients: Sequence[Any]
    ratio: Any

    def moment(self, v: Any) -> Any:
        """q = E phi(sqrt(1 - v) g + sqrt(v))^2 as a polynomial in v."""
        r, m, x = sp.symbols("r m x")
        square = sp.Poly(sum(c * x ** (2 * k + 1) for k, c in enumerate(self.coefficients)) ** 2, x)
        total = sp.Integer(0)
        for (n,), value in square.terms():
            total += value * sum(
                sp.binomial(n, 2 * j) * sp.factorial2(2 * j - 1) * r**j * m ** (n // 2 - j)
                for j in range(n // 2 + 1)
            )
        return sp.expand(total.subs({r: 1 - v, m: v}))

    @property
    def concave(self) -> bool:
        """Whether phi does not decrease and is concave on x >= 0, and is not 0."""
        x = sp.Symbol("x")
        phi = sum((c * x ** (2 * k + 1) for k, c in enumerate(self.coefficients)), sp.Integer(0))
        slopes = (sp.diff(phi, x), -sp.diff(phi, x, 2))
        return phi != 0 and all(
            sp.solve_univariate_inequality(
                slope < 0, x, relational=False, domain=sp.Interval(0, sp.oo)
            )
            is sp.S.EmptySet
            for slope in slopes
        )

    @property
    def shares(self) -> int:
        """The number of shares u in (0, 1] that solve the balance, by Sturm's theorem in v."""
        v = sp.Symbol("v")
        balance = sp.Poly(v * self.moment(v) - self.ratio * (1 - v), v)
        return int(balance.count_roots(0, 1)) - int(balance.eval(0) == 0)


def _several_shares(case: OddPolynomial) -> str | None:
    return None if case.shares == 1 else f"{case}, +-1 inputs: {case.shares} shares"


UNIQUE = Predicate(
    name="unique_share",
    sentence="The share u is unique for phi odd, non-decreasing and concave on x >= 0.",
    concluded_by=("uniqueness",),
    assumptions={"recall": lambda case: case.ratio > 0, "concave": lambda case: case.concave},
    refute=_several_shares,
    example=lambda: OddPolynomial((2,), 1),
)


class Gains(NamedTuple):
    """A fixed point of N(a Gamma k + A Gamma k + beta e) at a = 0, for d = 2.

    Args:
        gain: the gain gamma of the two coordinates.
        k: the fixed point, up to its length.
        w: its scale.
        a: a residual strength.
    """

    gain: tuple[Any, Any]
    k: tuple[Any, Any]
    w: Any
    a: Any


def _moves(case: Gains) -> str | None:
    # A Gamma k + beta e = w k, and the pre-norm state a Gamma k + w k has to be parallel to k
    x, y = ((case.a * g + case.w) * entry for g, entry in zip(case.gain, case.k, strict=True))
    if x * case.k[1] == y * case.k[0]:
        return None
    return f"{case}: N turns the fixed point k of a = 0 to ({x}, {y}) at a = {case.a}"


SAME_POINT = Predicate(
    name="same_point",
    sentence="Without gains the fixed points of a = 0 are those of every a.",
    concluded_by=("same_point",),
    assumptions={"eps_zero_gain_one": lambda case: set(case.gain) == {1}},
    refute=_moves,
    example=lambda: Gains((1, 1), (1, 2), 3, 1),
)
PREDICATES = (STABLE, NO_OUTLIER, UNIQUE, SAME_POINT)

FALSIFIERS = (
    Falsifier(
        "recall_below_the_edge",
        "above_edge",
        STABLE,
        lambda: Edge(0, 1, sp.Rational(1, 2), sp.Rational(1, 2), 1),
    ),
    Falsifier("sparse_input", "gaussian_input", NO_OUTLIER, lambda: Square(50, sp.Rational(7, 10))),
    # beta = 0: no share u > 0 solves u^2 q/(1 - u^2) = 0
    Falsifier("no_recall", "recall", UNIQUE, lambda: OddPolynomial((2,), 0)),
    Falsifier("falling_activation", "concave", UNIQUE, lambda: OddPolynomial((1, -1), 1)),
    Falsifier(
        "gain_with_residual", "eps_zero_gain_one", SAME_POINT, lambda: Gains((1, 2), (1, 1), 1, 1)
    ),
)
