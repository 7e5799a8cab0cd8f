"""Attacks on N1, the Jacobian of the outer normalisation: what happens when one assumption is
dropped.
"""

from __future__ import annotations

import random
from fractions import Fraction
from typing import NamedTuple

from ...kernel.falsifier import Falsifier


class _Norm(NamedTuple):
    z: tuple[Fraction, ...]
    across: tuple[Fraction, ...]
    gain: tuple[Fraction, ...]
    s: Fraction

    @property
    def eps(self) -> Fraction:
        return self.s**2 - sum((x * x for x in self.z), Fraction(0)) / len(self.z)

    def derivative(self, v: tuple[Fraction, ...]) -> tuple[Fraction, ...]:
        d, inner = len(self.z), sum((x * y for x, y in zip(self.z, v, strict=True)), Fraction(0))
        return tuple(
            g * (y / self.s - x * inner / (d * self.s**3))
            for g, x, y in zip(self.gain, self.z, v, strict=True)
        )


def _norm(rng: random.Random, gain_one: bool, eps_zero: bool) -> _Norm:
    """d = 2; z on a rational circle with s rational, so every number is exact."""
    q = Fraction(rng.randint(1, 5), rng.randint(6, 9))
    unit = ((1 - q**2) / (1 + q**2), 2 * q / (1 + q**2))
    s = Fraction(rng.randint(1, 9), 3)
    # |z|^2 = 2 s^2 needs sqrt 2: take z = s (cos + sin, cos - sin) instead
    z = (s * (unit[0] + unit[1]), s * (unit[0] - unit[1]))
    gain = (
        (Fraction(1), Fraction(1))
        if gain_one
        else (Fraction(rng.randint(2, 5)), Fraction(1, rng.randint(2, 5)))
    )
    return _Norm(z, (-z[1], z[0]), gain, s if eps_zero else s * Fraction(3, 2))


def _not_an_eigenvector(case: _Norm) -> str | None:
    found = case.derivative(case.across)
    wanted = tuple(x / case.s for x in case.across)
    if found != wanted:
        return (
            f"z = {_row(case.z)}, gamma = {_row(case.gain)}, s = {case.s}: DN v = {_row(found)} for"
            f" v = {_row(case.across)}, not v/s"
        )
    return None


def _z_not_null(case: _Norm) -> str | None:
    found = case.derivative(case.z)
    return f"z = {_row(case.z)}, eps = {case.eps}: DN(z) z = {_row(found)}" if any(found) else None


class _Segment(NamedTuple):
    z: float
    eps: float
    step: float


def _segment(rng: random.Random, keep: bool) -> _Segment:
    z = rng.uniform(0.5, 2) if keep else 0.0
    return _Segment(z, rng.choice((0.0, 1e-2)) if keep else 0.0, 1e-6)


def _jumps(case: _Segment) -> str | None:
    """Symmetric difference quotient of N in d = 1 against its bound 1/s near z."""

    def norm(z: float) -> float:
        return z / (z * z + case.eps) ** 0.5

    quotient = abs(norm(case.z + case.step) - norm(case.z - case.step)) / (2 * case.step)
    if quotient > 10:
        return (
            f"d = 1, z = {case.z:g}, eps = {case.eps:g}: difference quotient {quotient:.3g} at step"
            f" {case.step:g}"
        )
    return None


def _row(vector: tuple[Fraction, ...]) -> str:
    return "(" + ", ".join(map(str, vector)) + ")"


FALSIFIERS = (
    Falsifier(
        "gain_turns_the_tangent",
        "gain_one",
        "DN v = v/s for v across z",
        lambda rng, keep: _norm(rng, keep, rng.random() < 0.5),
        lambda case: case.gain == (1, 1),
        _not_an_eigenvector,
    ),
    Falsifier(
        "epsilon_opens_the_radial_direction",
        "eps_zero",
        "DN(z) z = 0",
        lambda rng, keep: _norm(rng, rng.random() < 0.5, keep),
        lambda case: case.eps == 0,
        _z_not_null,
    ),
    Falsifier(
        "singular_at_the_origin",
        "regular",
        "N is differentiable at z with slope at most 1/s",
        _segment,
        lambda case: case.z**2 + case.eps > 0,
        _jumps,
    ),
)
