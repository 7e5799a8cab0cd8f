"""Predicates of N5, gradients through the loop, and one witness for each assumption.

Gradients are exact; their lengths are balls, and a bound is violated where the balls say so.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import flint
import sympy as sp
from flint import fmpq_mat

from ...formulas import formula
from ...kernel.algebra import fmpq
from ...kernel.falsifier import Falsifier
from ...kernel.predicate import Predicate
from .exact_states import column, dot, norm_at_most, rows, show


class LinearLoop(NamedTuple):
    """h' = M h + theta v on R^d, whose start has the derivative g by theta.

    `kappa` is the Lipschitz constant that is claimed; the gradient runs through `loops` loops, or
    through the last `kept` of them.
    """

    matrix: fmpq_mat
    direct: fmpq_mat
    start: fmpq_mat
    kappa: flint.fmpq
    loops: int
    kept: int

    def gradient(self, kept: int | None = None) -> fmpq_mat:
        """dh_T/dtheta by the chain rule; through the last `kept` loops if that is given."""
        count = self.loops if kept is None else kept
        total = self.start if kept is None else 0 * self.start
        for _ in range(count):
            total = self.matrix * total + self.direct
        return total

    def __str__(self) -> str:
        return (
            f"M = {show(self.matrix)}, v = {show(self.direct)}, dh_0/dtheta = {show(self.start)},"
            f" kappa = {self.kappa}, T = {self.loops}"
        )


def linear_loop(
    matrix: Any, direct: Any, kappa: Any, loops: int, kept: int = 1, start: Any = None
) -> LinearLoop:
    """The case with these rationals; by default the start does not depend on theta."""
    zero = [0] * len(direct)
    gradient = column(zero if start is None else start)
    return LinearLoop(rows(matrix), column(direct), gradient, fmpq(kappa), loops, kept)


def _uniform(case: LinearLoop) -> bool:
    return case.kappa < 1 and norm_at_most(case.matrix, case.kappa)


def _length(vector: fmpq_mat) -> flint.arb:
    return flint.arb(dot(vector, vector)).sqrt()


def _gradient_too_large(case: LinearLoop) -> str | None:
    kappa = sp.Rational(str(case.kappa))
    bound = formula("gradient_bound")
    # the bound is linear in sup|F| and |dh_0/dtheta|, with rational coefficients
    parts = (fmpq(bound(kappa, case.loops, *unit)) for unit in ((1, 0), (0, 1)))
    lengths = (_length(case.direct), _length(case.start))
    allowed = sum((x * part for x, part in zip(lengths, parts, strict=True)), flint.arb(0))
    found = _length(case.gradient())
    if not found > allowed:
        return None
    return f"{case}: |dh_T/dtheta| = {found.str(6)} > {allowed.str(6)}"


def _truncation_too_far(case: LinearLoop) -> str | None:
    allowed = _length(case.direct) * (case.kappa**case.kept / (1 - case.kappa))
    error = _length(case.gradient() - case.gradient(case.kept))
    if not error > allowed:
        return None
    return f"{case}: the last {case.kept} loops err by {error.str(6)} > {allowed.str(6)}"


class SphereLoop(NamedTuple):
    """h' = N(a h + beta e) at eps = 0, from h_0 = x e, and the constant kappa that is claimed.

    A perturbation across e is multiplied by a R/|z| in each loop.
    """

    slope: flint.fmpq
    beta: flint.fmpq
    start: flint.fmpq
    kappa: flint.fmpq
    loops: int


def sphere_loop(slope: Any, beta: Any, start: Any, loops: int, kappa: Any = None) -> SphereLoop:
    """The case with these rationals; by default kappa = |a|/(beta - |a|), as in N3."""
    a, b = fmpq(slope), fmpq(beta)
    claimed = abs(a) / (b - abs(a)) if kappa is None else fmpq(kappa)
    return SphereLoop(a, b, fmpq(start), claimed, loops)


def _contracts(case: SphereLoop) -> bool:
    gap = case.beta - abs(case.slope)
    return gap > 0 and abs(case.slope) <= case.kappa * gap and case.kappa < 1


def _start_remembered(case: SphereLoop) -> str | None:
    state, factor = case.start, flint.fmpq(1)
    for _ in range(case.loops):
        scale = case.slope * state + case.beta
        factor *= case.slope / abs(scale)
        state = scale / abs(scale)
    if abs(factor) <= case.kappa**case.loops:
        return None
    return (
        f"N({case.slope} h + {case.beta} e) from h_0 = {case.start} e: a perturbation across e is"
        f" multiplied by {factor} in {case.loops} loop(s), kappa = {case.kappa}"
    )


GRADIENT = Predicate(
    name="gradient",
    sentence=(
        "|dh_T/dtheta| <= sup|F| (1 - kappa^T)/(1 - kappa) + kappa^T |dh_0/dtheta|, with the sup"
        " over the states visited."
    ),
    concluded_by=("bound",),
    assumptions={"uniform": _uniform},
    refute=_gradient_too_large,
    example=lambda: linear_loop([[0, "1/2"], ["1/2", 0]], [1, 2], "1/2", 3, start=[3, 4]),
)
TRUNCATED = Predicate(
    name="truncated",
    sentence=(
        "If dh_0/dtheta = 0, the gradient through the last k loops alone errs by at most kappa^k"
        " sup|F|/(1 - kappa)"
    ),
    concluded_by=("tail_bound",),
    assumptions={"uniform": _uniform, "start_fixed": lambda case: not any(case.start.entries())},
    refute=_truncation_too_far,
    example=lambda: linear_loop([[0, "1/2"], ["1/2", 0]], [1, 2], "1/2", 3),
)
MEMORY = Predicate(
    name="memory",
    sentence="|dh_T/dh_0| <= kappa^T for h_0 in the state space",
    concluded_by=("start",),
    assumptions={"uniform": _contracts, "on_sphere": lambda case: case.start**2 == 1},
    refute=_start_remembered,
    example=lambda: sphere_loop(-1, 3, -1, 2),
)
PREDICATES = (GRADIENT, TRUNCATED, MEMORY)

FALSIFIERS = (
    Falsifier(
        "spectral_radius_only",
        "uniform",
        GRADIENT,
        lambda: linear_loop([["1/2", 2], [0, "1/2"]], [0, 1], "1/2", 2),
    ),
    Falsifier(
        "trained_encoder",
        "start_fixed",
        TRUNCATED,
        lambda: linear_loop([["1/2"]], [1], "1/2", 2, start=[100]),
    ),
    Falsifier("start_off_the_sphere", "on_sphere", MEMORY, lambda: sphere_loop(-1, 3, "5/2", 1)),
)
