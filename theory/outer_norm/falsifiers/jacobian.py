"""Predicates of N1, the Jacobian of the norm, and one witness for each assumption."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import flint
import sympy as sp
from flint import fmpq_mat

from ...formulas import formula
from ...kernel.algebra import fmpq
from ...kernel.falsifier import Falsifier
from ...kernel.predicate import Predicate
from .exact_states import column, dot, show


class Norm(NamedTuple):
    """RMSNorm at z with a gain and eps = `eps`, and a direction v; columns of rationals.

    All derivatives are in units of 1/s, so that they are rational.
    """

    z: fmpq_mat
    v: fmpq_mat
    gain: fmpq_mat
    eps: flint.fmpq

    @property
    def scale_squared(self) -> flint.fmpq:
        """s^2 = mean z^2 + eps."""
        return dot(self.z, self.z) / self.z.nrows() + self.eps

    def derivative(self, v: fmpq_mat) -> fmpq_mat:
        """s DN(z) v by the product rule: z (q^{-1/2})' + z' q^{-1/2} with q = mean z^2 + eps."""
        slope = 2 * dot(self.z, v) / self.z.nrows()
        return self.scaled(v - (slope / (2 * self.scale_squared)) * self.z)

    def claimed(self, v: fmpq_mat) -> fmpq_mat:
        """s DN(z) v by the formula of N1."""
        share = 1 / (self.z.nrows() * self.scale_squared)
        return self.scaled(v - share * (self.z * (self.z.transpose() * v)))

    def scaled(self, x: fmpq_mat) -> fmpq_mat:
        """The gain times x, entry by entry."""
        return column([g * y for g, y in zip(self.gain.entries(), x.entries(), strict=True)])

    def __str__(self) -> str:
        return f"z = {show(self.z)}, gamma = {show(self.gain)}, eps = {self.eps}"


def norm_at(z: Sequence[Any], v: Sequence[Any], gain: Sequence[Any], eps: Any) -> Norm:
    """The case with these rationals."""
    return Norm(column(z), column(v), column(gain), fmpq(eps))


def _regular(case: Norm) -> bool:
    return case.scale_squared > 0


def _gain_one(case: Norm) -> bool:
    return all(g == 1 for g in case.gain.entries())


def _eps_zero(case: Norm) -> bool:
    return case.eps == 0


def _other_derivative(case: Norm) -> str | None:
    if not _regular(case):
        # N(t v) = sign(t) sqrt(d) gamma v/|v|: the two limits at t = 0 differ
        jump = case.scaled(case.v)
        return f"{case}: N jumps along {show(case.v)}" if any(jump.entries()) else None
    found, wanted = case.derivative(case.v), case.claimed(case.v)
    if found == wanted:
        return None
    return f"{case}: s DN v = {show(found)} for v = {show(case.v)}, not {show(wanted)}"


def _not_an_eigenvector(case: Norm) -> str | None:
    square, s2 = dot(case.z, case.z), case.scale_squared
    across = case.v - (dot(case.z, case.v) / square if square else 0) * case.z
    # the formulas at s = 1, for eps in units of s^2: eigenvalues in units of 1/s
    tangential = fmpq(formula("rmsnorm_tangential")(1))
    radial = fmpq(formula("rmsnorm_radial")(1, sp.Rational(str(case.eps / s2))))
    for vector, value in ((across, tangential), (case.z, radial)):
        found = case.derivative(vector)
        if found != value * vector:
            return f"{case}: s DN v = {show(found)} for v = {show(vector)}, not {value} v"
    return None


def _state_not_null(case: Norm) -> str | None:
    found = case.derivative(case.z)
    return f"{case}: s DN(z) z = {show(found)}" if any(found.entries()) else None


DERIVATIVE = Predicate(
    name="derivative",
    sentence=(
        "Where s > 0, N is differentiable with DN(z) = (1/s) diag(gamma)(I - z z^T/(d s^2))."
    ),
    concluded_by=("entries", "directional_derivative"),
    assumptions={"regular": _regular},
    refute=_other_derivative,
    example=lambda: norm_at([1, -2], [3, 1], [2, 0], 1),
)
EIGENVALUES = Predicate(
    name="eigenvalues",
    sentence="At gain 1, DN(z) v = v/s for every v across z, and DN(z) z = (eps/s^3) z.",
    concluded_by=("eigenvalues",),
    assumptions={"regular": _regular, "gain_one": _gain_one},
    refute=_not_an_eigenvector,
    example=lambda: norm_at([1, -2], [3, 1], [1, 1], 1),
)
NULL_DIRECTION = Predicate(
    name="null direction",
    sentence="At eps = 0, DN(z) z = 0 for every gain.",
    concluded_by=("no_epsilon", "null_vectors_with_gain"),
    assumptions={"regular": _regular, "eps_zero": _eps_zero},
    refute=_state_not_null,
    example=lambda: norm_at([1, -2], [3, 1], [2, 5], 0),
)
PREDICATES = (DERIVATIVE, EIGENVALUES, NULL_DIRECTION)

FALSIFIERS = (
    Falsifier(
        "gain_turns_the_tangent",
        "gain_one",
        EIGENVALUES,
        lambda: norm_at([1, 1], [1, -1], [2, 1], 0),
    ),
    Falsifier(
        "epsilon_opens_the_radial_direction",
        "eps_zero",
        NULL_DIRECTION,
        lambda: norm_at([1], [1], [1], 1),
    ),
    Falsifier("singular_at_the_origin", "regular", DERIVATIVE, lambda: norm_at([0], [1], [1], 0)),
)
