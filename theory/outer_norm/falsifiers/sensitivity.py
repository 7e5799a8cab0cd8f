"""Attacks on N4, the sensitivity under outer normalisation, at fixed points with rational entries:
what happens without an assumption.
"""

from __future__ import annotations

import math
import random
from fractions import Fraction
from typing import NamedTuple

import flint
import mpmath

from ...formulas import formula
from ...kernel.algebra import diagonal, fmpq, random_matrix
from ...kernel.falsifier import Falsifier

Matrix = flint.fmpq_mat


class FixedPoint(NamedTuple):
    """A fixed point of N(G) given by its data: unit-gain state k (column, |k|^2 = d - d eps/s^2),
    scale s, gain, D = D_h G, B = D_e G.

    Every such data set occurs: G(h, e) = s k + D (h - h*) + B (e - e*) is fixed at h* = gain o k.
    """

    state: Matrix
    s: flint.fmpq
    eps: flint.fmpq
    gain: Matrix
    update: Matrix
    recall: Matrix

    @property
    def size(self) -> int:
        """d."""
        return self.state.nrows()

    @property
    def derivative(self) -> Matrix:
        """DN(z) at gain 1, z = s k (N1)."""
        z = self.s * self.state
        return (1 / self.s) * (
            unit(self.size) - (1 / (self.size * self.s**2)) * (z * z.transpose())
        )

    @property
    def jacobian(self) -> Matrix:
        """J = Gamma DN D."""
        return self.gain * self.derivative * self.update

    @property
    def gap(self) -> Matrix:
        """I - J."""
        return unit(self.size) - self.jacobian

    @property
    def sensitivity(self) -> Matrix:
        """S = (I - J)^{-1} Gamma DN B; `ZeroDivisionError` when I - J is singular."""
        return self.gap.inv() * self.gain * self.derivative * self.recall

    @property
    def tangential(self) -> Matrix:
        """P D P at eps = 0, P = s DN."""
        p = self.s * self.derivative
        return p * self.update * p


def unit(size: int) -> Matrix:
    """The identity."""
    return diagonal([1] * size)


def real(x: flint.fmpq) -> float:
    """The nearest double."""
    return int(x.p) / int(x.q)


def singular_values(matrix: Matrix) -> list[float]:
    """In falling order, in double precision."""
    entries = [[real(x) for x in row] for row in matrix.tolist()]
    return sorted(
        (float(x) for x in mpmath.svd_r(mpmath.matrix(entries), compute_uv=False)), reverse=True
    )


def frobenius(matrix: Matrix) -> flint.fmpq:
    """Sum of squares, an upper bound of the squared 2-norm."""
    return sum((x * x for x in matrix.entries()), flint.fmpq(0))


def draw(rng: random.Random, eps_zero: bool = True, gain_one: bool = True) -> FixedPoint:
    """d = 2, 3, 4 with |D Gamma|_F < s, so that k < 1 (and |J|_2 < 1 at eps > 0); random invertible
    B.
    """
    d = rng.choice((2, 3, 4))
    shrink = Fraction(1) if eps_zero else Fraction(rng.randint(2, 5), 6)
    gain = diagonal(
        [
            1 if gain_one else Fraction(rng.choice((-1, 1)) * rng.choice((2, 3, 4, 6, 7, 8, 9)), 5)
            for _ in range(d)
        ]
    )
    update = random_matrix(rng, d) if rng.random() < 0.7 else fmpq(rng.choice((-2, 2))) * unit(d)
    s = fmpq(rng.choice((Fraction(1), Fraction(3, 2), Fraction(3)))) * (
        math.isqrt(math.ceil(frobenius(update * gain))) + 1
    )
    return FixedPoint(
        sphere(rng, d) * fmpq(shrink),
        s,
        s**2 * fmpq(1 - shrink**2),
        gain,
        update,
        random_matrix(rng, d),
    )


def sphere(rng: random.Random, d: int) -> Matrix:
    """A rational column of norm sqrt(d): (1, ..., 1) reflected at a random hyperplane."""
    axis = [rng.randint(1, 4), *(rng.randint(-4, 4) for _ in range(d - 1))]
    mean = Fraction(2 * sum(axis), sum(x * x for x in axis))
    return flint.fmpq_mat(d, 1, [fmpq(1 - mean * x) for x in axis])


def show(case: FixedPoint) -> str:
    """The data of a fixed point in one line."""
    return ", ".join(
        f"{name} = {value.tolist() if isinstance(value, Matrix) else value}"
        for name, value in zip(case._fields, case, strict=True)
    ).replace("\n", "")


def rank_drops(case: FixedPoint) -> str | None:
    """Rank S = d - 1."""
    rank = case.sensitivity.rank()
    return f"rank S = {rank} at d = {case.size}: {show(case)}" if rank != case.size - 1 else None


def leaves_tangent(case: FixedPoint) -> str | None:
    """Range S = h*^perp and S B^{-1} z = 0."""
    sensitivity, h = case.sensitivity, case.gain * case.state
    if any((h.transpose() * sensitivity).entries()):
        return f"h*^T S != 0: {show(case)}"
    if any((sensitivity * case.recall.inv() * case.state).entries()):
        return f"S B^-1 z != 0: {show(case)}"
    return None


def out_of_bounds(case: FixedPoint) -> str | None:
    """I - J invertible and both bounds of the singular values, with a margin for rounding."""
    try:
        sizes = singular_values(case.sensitivity)
    except ZeroDivisionError:
        return f"I - J is singular: {show(case)}"
    s, k, recall = real(case.s), norm(case.tangential) / real(case.s), singular_values(case.recall)
    low, high = (
        float(formula("sensitivity_lower")(recall[-1], s, k)),
        float(formula("sensitivity_upper")(recall[0], s, k)),
    )
    if sizes[-2] < low * (1 - 1e-9) or sizes[0] > high * (1 + 1e-9):
        return (
            f"k = {k:.4g}, singular values {sizes[-2]:.4g} to {sizes[0]:.4g} outside [{low:.4g},"
            f" {high:.4g}]: {show(case)}"
        )
    return None


def norm(matrix: Matrix) -> float:
    """2-norm in double precision."""
    return singular_values(matrix)[0]


def _recall(rng: random.Random, keep: bool) -> FixedPoint:
    case = draw(rng)
    lost = [1] * (case.size - 2) + [0, 0]
    return case if keep else case._replace(recall=case.recall * diagonal(lost))


def _update(rng: random.Random, keep: bool) -> FixedPoint:
    """The update grows to D = s I (a state that repeats itself exactly), or to a random matrix with
    k > 1.
    """
    case = draw(rng)
    if keep:
        return case
    return case._replace(
        update=case.s * unit(case.size) if rng.random() < 0.5 else case.update * fmpq(1000) * case.s
    )


def _k_below_one(case: FixedPoint) -> bool:
    return norm(case.tangential) < real(case.s) * (1 - 1e-9)


FALSIFIERS = (
    Falsifier(
        "singular_recall",
        "recall_invertible",
        "rank S = d - 1",
        _recall,
        lambda case: case.recall.det() != 0,
        rank_drops,
        trials=30,
    ),
    Falsifier(
        "update_as_large_as_the_scale",
        "small",
        "I - J is invertible and both bounds of the singular values hold",
        _update,
        _k_below_one,
        out_of_bounds,
        trials=30,
    ),
    Falsifier(
        "epsilon",
        "eps_zero",
        "range S = h*^perp and S B^{-1} z = 0",
        lambda rng, keep: draw(rng, eps_zero=keep),
        lambda case: case.eps == 0,
        leaves_tangent,
        trials=20,
    ),
    Falsifier(
        "unequal_gains",
        "gain_one",
        "range S = h*^perp",
        lambda rng, keep: draw(rng, gain_one=keep),
        lambda case: case.gain == unit(case.size),
        leaves_tangent,
        trials=20,
    ),
)
