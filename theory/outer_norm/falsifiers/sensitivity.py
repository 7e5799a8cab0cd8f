"""Attacks on N4, the sensitivity to the input: what happens when one assumption is dropped.

The fixed points have rational entries.
"""

from __future__ import annotations

import math
import random
from fractions import Fraction
from typing import NamedTuple

import flint
import mpmath
from flint import fmpq_mat

from ...formulas import formula
from ...kernel.algebra import diagonal, fmpq, random_matrix
from ...kernel.random_falsifier import RandomFalsifier

ROUNDING = 1e-9
"""relative margin for rounding in a comparison with a bound"""


class FixedPointData(NamedTuple):
    """A fixed point of N(G), given by its data.

    All such data occur: G(h, e) = s k + D (h - h*) + B (e - e*) has the fixed point h* = gain o k.

    Args:
        state: the state k at gain 1, a column with |k|^2 = d - d eps/s^2.
        s: the scale.
        eps: the epsilon of the norm.
        gain: the gain, a diagonal matrix.
        update: D = D_h G.
        recall: B = D_e G.
    """

    state: fmpq_mat
    s: flint.fmpq
    eps: flint.fmpq
    gain: fmpq_mat
    update: fmpq_mat
    recall: fmpq_mat

    @property
    def size(self) -> int:
        """The dimension d."""
        return self.state.nrows()

    @property
    def derivative(self) -> fmpq_mat:
        """DN(z) at gain 1 and z = s k, by N1."""
        z = self.s * self.state
        along = (1 / (self.size * self.s**2)) * (z * z.transpose())
        return (1 / self.s) * (unit(self.size) - along)

    @property
    def jacobian(self) -> fmpq_mat:
        """J = Gamma DN D."""
        return self.gain * self.derivative * self.update

    @property
    def gap(self) -> fmpq_mat:
        """I - J."""
        return unit(self.size) - self.jacobian

    @property
    def sensitivity(self) -> fmpq_mat:
        """S = (I - J)^{-1} Gamma DN B.

        Raises:
            ZeroDivisionError: I - J is singular.
        """
        return self.gap.inv() * self.gain * self.derivative * self.recall

    @property
    def tangential(self) -> fmpq_mat:
        """P D P at eps = 0, where P = s DN."""
        p = self.s * self.derivative
        return p * self.update * p


def unit(size: int) -> fmpq_mat:
    """The identity matrix."""
    return diagonal([1] * size)


def real(x: flint.fmpq) -> float:
    """The nearest double."""
    return int(x.p) / int(x.q)


def singular_values(matrix: fmpq_mat) -> list[float]:
    """The singular values in descending order, in double precision."""
    entries = [[real(x) for x in row] for row in matrix.tolist()]
    values = mpmath.svd_r(mpmath.matrix(entries), compute_uv=False)
    return sorted((float(x) for x in values), reverse=True)


def frobenius(matrix: fmpq_mat) -> flint.fmpq:
    """The sum of squares of the entries, an upper bound of the squared 2-norm."""
    return sum((x * x for x in matrix.entries()), flint.fmpq(0))


def draw(rng: random.Random, eps_zero: bool = True, gain_one: bool = True) -> FixedPointData:
    """A random fixed point with d = 2, 3 or 4 and |D Gamma|_F < s, and an invertible B.

    So k < 1, and |J|_2 < 1 at eps > 0.
    """
    d = rng.choice((2, 3, 4))
    shrink = Fraction(1) if eps_zero else Fraction(rng.randint(2, 5), 6)

    def entry() -> Fraction:
        return Fraction(rng.choice((-1, 1)) * rng.choice((2, 3, 4, 6, 7, 8, 9)), 5)

    gain = diagonal([1 if gain_one else entry() for _ in range(d)])
    update = random_matrix(rng, d) if rng.random() < 0.7 else fmpq(rng.choice((-2, 2))) * unit(d)
    factor = fmpq(rng.choice((Fraction(1), Fraction(3, 2), Fraction(3))))
    s = factor * (math.isqrt(math.ceil(frobenius(update * gain))) + 1)
    state, eps = sphere(rng, d) * fmpq(shrink), s**2 * fmpq(1 - shrink**2)
    return FixedPointData(state, s, eps, gain, update, random_matrix(rng, d))


def sphere(rng: random.Random, d: int) -> fmpq_mat:
    """A rational column of norm sqrt(d): (1, ..., 1) reflected in a random hyperplane."""
    axis = [rng.randint(1, 4), *(rng.randint(-4, 4) for _ in range(d - 1))]
    mean = Fraction(2 * sum(axis), sum(x * x for x in axis))
    return fmpq_mat(d, 1, [fmpq(1 - mean * x) for x in axis])


def show(case: FixedPointData) -> str:
    """The data of a fixed point in one line."""
    items = case._asdict().items()
    texts = {name: x.tolist() if isinstance(x, fmpq_mat) else x for name, x in items}
    return ", ".join(f"{name} = {text}" for name, text in texts.items()).replace("\n", "")


def rank_drops(case: FixedPointData) -> str | None:
    """The rank of S is not d - 1."""
    rank = case.sensitivity.rank()
    return f"rank S = {rank} at d = {case.size}: {show(case)}" if rank != case.size - 1 else None


def leaves_tangent(case: FixedPointData) -> str | None:
    """The range of S is not h*^perp, or S B^{-1} z is not 0."""
    sensitivity, h = case.sensitivity, case.gain * case.state
    if any((h.transpose() * sensitivity).entries()):
        return f"h*^T S != 0: {show(case)}"
    if any((sensitivity * case.recall.inv() * case.state).entries()):
        return f"S B^-1 z != 0: {show(case)}"
    return None


def out_of_bounds(case: FixedPointData) -> str | None:
    """I - J is singular, or a singular value of S violates its bound by more than rounding."""
    try:
        sizes = singular_values(case.sensitivity)
    except ZeroDivisionError:
        return f"I - J is singular: {show(case)}"
    s, recall = real(case.s), singular_values(case.recall)
    k = norm(case.tangential) / s
    low = float(formula("sensitivity_lower")(recall[-1], s, k))
    high = float(formula("sensitivity_upper")(recall[0], s, k))
    if sizes[-2] >= low * (1 - ROUNDING) and sizes[0] <= high * (1 + ROUNDING):
        return None
    found = f"singular values {sizes[-2]:.4g} to {sizes[0]:.4g}"
    return f"k = {k:.4g}, {found} outside [{low:.4g}, {high:.4g}]: {show(case)}"


def norm(matrix: fmpq_mat) -> float:
    """The 2-norm in double precision."""
    return singular_values(matrix)[0]


def _recall(rng: random.Random, keep: bool) -> FixedPointData:
    case = draw(rng)
    lost = [1] * (case.size - 2) + [0, 0]
    return case if keep else case._replace(recall=case.recall * diagonal(lost))


def _update(rng: random.Random, keep: bool) -> FixedPointData:
    """A random fixed point, or one whose update violates k < 1.

    The update is D = s I, which makes I - J singular, or a random matrix with k > 1.
    """
    case = draw(rng)
    if keep:
        return case
    if rng.random() < 0.5:
        return case._replace(update=case.s * unit(case.size))
    return case._replace(update=case.update * fmpq(1000) * case.s)


def _k_below_one(case: FixedPointData) -> bool:
    return norm(case.tangential) < real(case.s) * (1 - ROUNDING)


FALSIFIERS = (
    RandomFalsifier(
        "singular_recall",
        "recall_invertible",
        "rank S = d - 1",
        _recall,
        lambda case: case.recall.det() != 0,
        rank_drops,
        trials=30,
    ),
    RandomFalsifier(
        "update_as_large_as_the_scale",
        "small",
        "I - J is invertible and both bounds of the singular values hold",
        _update,
        _k_below_one,
        out_of_bounds,
        trials=30,
    ),
    RandomFalsifier(
        "epsilon",
        "eps_zero",
        "range S = h*^perp and S B^{-1} z = 0",
        lambda rng, keep: draw(rng, eps_zero=keep),
        lambda case: case.eps == 0,
        leaves_tangent,
        trials=20,
    ),
    RandomFalsifier(
        "unequal_gains",
        "gain_one",
        "range S = h*^perp",
        lambda rng, keep: draw(rng, gain_one=keep),
        lambda case: case.gain == unit(case.size),
        leaves_tangent,
        trials=20,
    ),
)
