"""Attacks on N1, the Jacobian of the norm: what happens when one assumption is dropped."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import NamedTuple

from ...kernel.random_falsifier import RandomFalsifier

Vector = tuple[Fraction, ...]


class _Norm(NamedTuple):
    """The norm at z, a vector orthogonal to z, the gain, and the scale s."""

    z: Vector
    across: Vector
    gain: Vector
    s: Fraction

    @property
    def eps(self) -> Fraction:
        return self.s**2 - _dot(self.z, self.z) / len(self.z)

    def derivative(self, v: Vector) -> Vector:
        share = _dot(self.z, v) / (len(self.z) * self.s**3)
        rows = zip(self.gain, self.z, v, strict=True)
        return tuple(g * (y / self.s - x * share) for g, x, y in rows)


def _dot(a: Vector, b: Vector) -> Fraction:
    return sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))


def _norm(rng: random.Random, gain_one: bool, eps_zero: bool) -> _Norm:
    """A case at d = 2 with z on a rational circle and s rational, so that every number is exact."""
    q = Fraction(rng.randint(1, 5), rng.randint(6, 9))
    cosine, sine = (1 - q**2) / (1 + q**2), 2 * q / (1 + q**2)
    s = Fraction(rng.randint(1, 9), 3)
    # |z|^2 = 2 s^2 without a square root of 2
    z = (s * (cosine + sine), s * (cosine - sine))
    gain = (Fraction(1), Fraction(1))
    if not gain_one:
        gain = (Fraction(rng.randint(2, 5)), Fraction(1, rng.randint(2, 5)))
    return _Norm(z, (-z[1], z[0]), gain, s if eps_zero else s * Fraction(3, 2))


def _not_an_eigenvector(case: _Norm) -> str | None:
    found = case.derivative(case.across)
    if found == tuple(x / case.s for x in case.across):
        return None
    norm = f"z = {_row(case.z)}, gamma = {_row(case.gain)}, s = {case.s}"
    return f"{norm}: DN v = {_row(found)} for v = {_row(case.across)}, not v/s"


def _z_not_null(case: _Norm) -> str | None:
    found = case.derivative(case.z)
    return f"z = {_row(case.z)}, eps = {case.eps}: DN(z) z = {_row(found)}" if any(found) else None


STEEP = 10
"""for |z| >= 1/2, the derivative is at most 2; across the jump the quotient is a million"""


class _Segment(NamedTuple):
    z: float
    eps: float
    step: float


def _segment(rng: random.Random, keep: bool) -> _Segment:
    z = rng.uniform(0.5, 2) if keep else 0.0
    return _Segment(z, rng.choice((0.0, 1e-2)) if keep else 0.0, 1e-6)


def _jumps(case: _Segment) -> str | None:
    """The symmetric difference quotient of N at d = 1 exceeds every derivative that is drawn."""

    def norm(z: float) -> float:
        return z / (z * z + case.eps) ** 0.5

    quotient = abs(norm(case.z + case.step) - norm(case.z - case.step)) / (2 * case.step)
    if quotient <= STEEP:
        return None
    where = f"d = 1, z = {case.z:g}, eps = {case.eps:g}"
    return f"{where}: difference quotient {quotient:.3g} at step {case.step:g}"


def _row(vector: Vector) -> str:
    return "(" + ", ".join(map(str, vector)) + ")"


FALSIFIERS = (
    RandomFalsifier(
        "gain_turns_the_tangent",
        "gain_one",
        "DN v = v/s for v across z",
        lambda rng, keep: _norm(rng, keep, rng.random() < 0.5),
        lambda case: case.gain == (1, 1),
        _not_an_eigenvector,
    ),
    RandomFalsifier(
        "epsilon_opens_the_radial_direction",
        "eps_zero",
        "DN(z) z = 0",
        lambda rng, keep: _norm(rng, rng.random() < 0.5, keep),
        lambda case: case.eps == 0,
        _z_not_null,
    ),
    RandomFalsifier(
        "singular_at_the_origin",
        "regular",
        "N is differentiable at z with slope at most 1/s",
        _segment,
        lambda case: case.z**2 + case.eps > 0,
        _jumps,
    ),
)
