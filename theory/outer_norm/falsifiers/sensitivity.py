"""Predicates of N4, the sensitivity to the input, and one witness for each assumption."""

from __future__ import annotations

from typing import Any, NamedTuple

import flint
import sympy as sp
from flint import fmpq_mat

from ....support.errors import UsageError
from ...formulas import formula
from ...kernel.algebra import diagonal, fmpq
from ...kernel.falsifier import Falsifier
from ...kernel.predicate import Predicate
from .exact_states import (
    centring,
    column,
    dot,
    is_semidefinite,
    norm_at_most,
    norm_between,
    rows,
    show,
    unit,
)


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
        layer: whether N is LayerNorm, with mean k = 0, instead of RMSNorm.
    """

    state: fmpq_mat
    s: flint.fmpq
    eps: flint.fmpq
    gain: fmpq_mat
    update: fmpq_mat
    recall: fmpq_mat
    layer: bool = False

    @property
    def size(self) -> int:
        """The dimension d."""
        return self.state.nrows()

    @property
    def centre(self) -> fmpq_mat:
        """C for LayerNorm, I for RMSNorm."""
        return centring(self.size) if self.layer else unit(self.size)

    @property
    def derivative(self) -> fmpq_mat:
        """DN(z) at gain 1 and z = s k, by N1 and N9."""
        z = self.s * self.state
        along = (1 / (self.size * self.s**2)) * (z * z.transpose())
        return (1 / self.s) * (self.centre - along)

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
    def projector(self) -> fmpq_mat:
        """P = s DN, the projector on the tangent space at eps = 0."""
        return self.s * self.derivative

    @property
    def tangential(self) -> fmpq_mat:
        """P D P."""
        return self.projector * self.update * self.projector

    @property
    def normals(self) -> list[fmpq_mat]:
        """The vectors that P sends to 0 at eps = 0: k, and (1, ..., 1) for LayerNorm."""
        return [self.state, column([1] * self.size)] if self.layer else [self.state]

    @property
    def rank(self) -> int:
        """d less the number of these vectors."""
        return self.size - len(self.normals)

    def __str__(self) -> str:
        parts = {"k": self.state, "D": self.update, "B": self.recall, "Gamma": self.gain}
        text = ", ".join(f"{name} = {show(matrix)}" for name, matrix in parts.items())
        return f"{'LayerNorm' if self.layer else 'RMSNorm'}, {text}, s = {self.s}, eps = {self.eps}"


def data(
    state: Any,
    s: Any = 1,
    eps: Any = 0,
    gain: Any = None,
    update: Any = None,
    recall: Any = None,
    layer: bool = False,
) -> FixedPointData:
    """The case with these rationals; by default gain 1, D = 0 and B = I.

    Raises:
        UsageError: no norm has the state k: |k|^2 is not d - d eps/s^2, or mean k is not 0.
    """
    d = len(state)
    zero, one = fmpq_mat(d, d), unit(d)
    case = FixedPointData(
        column(state),
        fmpq(s),
        fmpq(eps),
        one if gain is None else diagonal(gain),
        zero if update is None else rows(update),
        one if recall is None else rows(recall),
        layer,
    )
    on_sphere = dot(case.state, case.state) == d * (1 - case.eps / case.s**2)
    if not on_sphere or case.centre * case.state != case.state:
        raise UsageError(f"no norm with eps = {eps} and s = {s} has the state {show(case.state)}")
    return case


def scaled(case: FixedPointData, update: Any) -> FixedPointData:
    """The case with D = update x I."""
    return case._replace(update=fmpq(update) * unit(case.size))


def other_range(case: FixedPointData) -> str | None:
    """Why S has not the range across the normals, or not the null directions B^{-1} normal."""
    try:
        sensitivity = case.sensitivity
    except ZeroDivisionError:
        return f"I - J is singular: {case}"
    rank = sensitivity.rank()
    if rank != case.rank:
        return f"rank S = {rank}, not {case.rank}: {case}"
    for normal in case.normals:
        vector = case.gain * normal if normal == case.state else normal  # h*, or (1, ..., 1)
        if any((vector.transpose() * sensitivity).entries()):
            return f"the range of S is not across {show(vector)}: {case}"
        if any((sensitivity * case.recall.inv() * normal).entries()):
            return f"S B^-1 n != 0 for n = {show(normal)}: {case}"
    return None


def out_of_bounds(case: FixedPointData) -> str | None:
    """Why a non-zero singular value of S violates its bound.

    The bounds are taken with enclosures of the norms, so that only a real violation counts.
    """
    try:
        sensitivity = case.sensitivity
    except ZeroDivisionError:
        return f"I - J is singular: {case}"
    below, above = norm_between(case.tangential)
    k = above / case.s
    top = norm_between(case.recall)[1]
    least = 1 / norm_between(case.recall.inv())[1]
    high = _value("sensitivity_upper", top, case.s, k)
    low = _value("sensitivity_lower", least, case.s, k)
    if below >= case.s and any(sensitivity.entries()):
        return f"k >= 1, so that the upper bound is not positive: {case}"
    if k < 1 and not norm_at_most(sensitivity, high):
        return f"sigma_1(S) > {float(sp.Rational(str(high))):.6g}: {case}"
    gram = sensitivity * sensitivity.transpose()
    if not is_semidefinite(gram - low**2 * case.projector):
        return f"the least non-zero sigma(S) < {float(sp.Rational(str(low))):.6g}: {case}"
    return None


def _value(name: str, *values: flint.fmpq) -> flint.fmpq:
    return fmpq(formula(name)(*(sp.Rational(str(x)) for x in values)))


def _small(case: FixedPointData) -> bool:
    """k = |P D P|_2/s < 1, which kappa < 1 implies; at eps > 0, |J|_2 < 1."""
    matrix = case.tangential if case.eps == 0 else case.s * case.jacobian
    gap = case.s**2 * unit(case.size) - matrix.transpose() * matrix
    return is_semidefinite(gap) and gap.det() != 0


ASSUMED = {
    "small": _small,
    "recall_invertible": lambda case: case.recall.det() != 0,
    "eps_zero": lambda case: case.eps == 0,
    "gain_one": lambda case: case.gain == unit(case.size),
}
RANGE = Predicate(
    name="range",
    sentence="S has the range h*^perp, of dimension d - 1, and the null direction B^{-1} z",
    concluded_by=("rank",),
    assumptions=ASSUMED,
    refute=other_range,
    example=lambda: data([1, -1], s=2, update=[[1, 1], [0, 1]], recall=[[1, 1], [0, 1]]),
)
BOUNDS = Predicate(
    name="bounds",
    sentence="sigma_min(B)/(s(1 + k)) <= sigma_{d-1}(S) and sigma_1(S) <= |B|_2/(s(1 - k))",
    concluded_by=("singular_values",),
    assumptions=ASSUMED,
    refute=out_of_bounds,
    example=RANGE.example,
)
PREDICATES = (RANGE, BOUNDS)

FALSIFIERS = (
    Falsifier(
        "no_recall", "recall_invertible", RANGE, lambda: data([1, 1], recall=[[0, 0], [0, 0]])
    ),
    Falsifier("update_as_large_as_the_scale", "small", RANGE, lambda: scaled(data([1, 1]), 1)),
    Falsifier("epsilon", "eps_zero", RANGE, lambda: data(["1/2"], eps="3/4")),
    Falsifier("unequal_gains", "gain_one", RANGE, lambda: data([1, 1], gain=[2, 1])),
)
