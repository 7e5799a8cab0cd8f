"""Predicates of N9, loops with LayerNorm, and one witness for each assumption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import flint
from flint import fmpq_mat

from ...kernel.algebra import diagonal, fmpq
from ...kernel.falsifier import Falsifier
from ...kernel.predicate import Predicate
from . import contraction, existence, sensitivity
from .exact_states import centring, column, dot, has_fixed_state, norm_at_most, rows, show


class LayerPoint(NamedTuple):
    """LayerNorm at z with a gain and eps = `eps`, and a direction v; columns of rationals."""

    z: fmpq_mat
    v: fmpq_mat
    gain: fmpq_mat
    eps: flint.fmpq

    @property
    def centred(self) -> fmpq_mat:
        """C z."""
        return centring(self.z.nrows()) * self.z

    @property
    def scale_squared(self) -> flint.fmpq:
        """s^2 = |C z|^2/d + eps."""
        return dot(self.centred, self.centred) / self.z.nrows() + self.eps

    def derivative(self, v: fmpq_mat) -> fmpq_mat:
        """s DN(z) v by the product rule: C z (q^{-1/2})' + (C z)' q^{-1/2}, q = |C z|^2/d + eps."""
        moved = centring(self.z.nrows()) * v
        slope = 2 * dot(self.centred, moved) / self.z.nrows()
        value = moved - (slope / (2 * self.scale_squared)) * self.centred
        return column([g * x for g, x in zip(self.gain.entries(), value.entries(), strict=True)])

    def __str__(self) -> str:
        return f"z = {show(self.z)}, gamma = {show(self.gain)}, eps = {self.eps}"


def layer_point(z: Sequence[Any], v: Sequence[Any], gain: Sequence[Any], eps: Any) -> LayerPoint:
    """The case with these rationals."""
    return LayerPoint(column(z), column(v), column(gain), fmpq(eps))


def _other_directions(case: LayerPoint) -> str | None:
    one, c = column([1] * case.z.nrows()), case.centred
    across = centring(case.z.nrows()) * case.v
    if case.scale_squared == 0:
        # N(z + t v) = sign(t) sqrt(d) gamma C v/|C v|: the two limits at t = 0 differ
        return f"{case}: N jumps along {show(case.v)}" if any(across.entries()) else None
    square = dot(c, c)
    across = across - (dot(c, across) / square if square else 0) * c
    for vector, image in ((one, 0 * one), (c, 0 * c), (across, across)):
        found = case.derivative(vector)
        if found != image:
            return f"{case}: s DN v = {show(found)} for v = {show(vector)}, not {show(image)}"
    return None


class LayerLoop(NamedTuple):
    """h' = N(A (h - c) + b) with gain gamma and bias c at eps = 0, and the claimed bound G.

    G bounds |C A (h - c)| on the states, in units of R. With h = gamma o k + c the loop in k is
    that of C A diag(gamma) and C b in the space of mean 0, whatever the bias c is.
    """

    matrix: fmpq_mat
    drive: fmpq_mat
    gain: fmpq_mat
    bound: flint.fmpq

    @property
    def inner(self) -> fmpq_mat:
        """C A diag(gamma) C."""
        centre = centring(self.drive.nrows())
        return centre * self.matrix * diagonal([str(g) for g in self.gain.entries()]) * centre

    @property
    def centred(self) -> fmpq_mat:
        """C b."""
        return centring(self.drive.nrows()) * self.drive


def layer_loop(matrix: Any, drive: Any, gain: Any, bound: Any) -> LayerLoop:
    """The case with these rationals."""
    return LayerLoop(rows(matrix), column(drive), column(gain), fmpq(bound))


def _nothing_fixed(case: LayerLoop) -> str | None:
    # the eigenvectors of a non-zero eigenvalue of C A diag(gamma) C have mean 0
    if has_fixed_state(case.inner, case.centred):
        return None
    return (
        f"A = {show(case.matrix)}, b = {show(case.drive)}, gamma = {show(case.gain)}: no state is"
        " fixed"
    )


def centred_loop(slope: Any, beta: Any, **claims: Any) -> contraction.Loop:
    """N(a h + beta e) with states and input of mean 0: (v, -v) for v on the sphere.

    There LayerNorm is RMSNorm, so the predicate of N3 evaluates it.
    """
    half = contraction.loop(slope, beta, **claims)
    points = (
        column([*x.entries(), *(-y for y in x.entries())])
        for x in (half.e, half.first, half.second)
    )
    e, first, second = points
    return half._replace(e=e, first=first, second=second)


DIRECTIONS = Predicate(
    name="directions",
    sentence=(
        "At gain 1 and eps = 0, DN(z) 1 = 0, DN(z) C z = 0, and DN(z) v = v/s for every v across"
        " both."
    ),
    concluded_by=("directions",),
    assumptions={
        "regular": lambda case: case.scale_squared > 0,
        "gain_one": lambda case: all(g == 1 for g in case.gain.entries()),
        "eps_zero": lambda case: case.eps == 0,
    },
    refute=_other_directions,
    example=lambda: layer_point([2, 0, 1], [1, 2, 4], [1, 1, 1], 0),
)
BALL = replace(existence.BALL, concluded_by=("brouwer_ball", "conclusion"))
CAP = Predicate(
    name="cap",
    sentence=(
        "If eps = 0 and z = g(h, e) + B e with g continuous and |C B e| > G >= |C g| on the"
        " states, f has a fixed point"
    ),
    concluded_by=("brouwer_cap", "conclusion"),
    assumptions={
        "dominates": lambda case: (
            dot(case.centred, case.centred) > case.bound**2 * case.drive.nrows()
        ),
        "state_space": lambda case: norm_at_most(case.inner, case.bound),
    },
    refute=_nothing_fixed,
    example=lambda: layer_loop([[0, -1, 0], [1, 0, 0], [0, 0, 5]], [9, -9, 2], [1, -1, 0], 2),
)
SETTLES = replace(
    contraction.SETTLES,
    sentence="If kappa < 1, f has exactly one fixed point, and every orbit tends to it",
    example=lambda: centred_loop(-1, "5/2"),
)
SHARP = replace(
    contraction.SHARP,
    sentence=(
        "For A = -a I, gain 1, bias 0, an input of mean 0 and d >= 3 there is a fixed point iff"
        " beta > a, its multiplier is below 1 in modulus iff beta > 2 a, and for 0 < beta < 2 a"
        " there are 2-cycles."
    ),
    concluded_by=("sharp_fixed_point", "sharp_threshold", "two_cycle"),
    # the states lie in the space of mean 0, whose dimension is d - 1
    assumptions={"plane": lambda case: case.dimension + 1 >= 3},
)
RANGE = replace(
    sensitivity.RANGE,
    sentence=(
        "S has the range across 1 and h*, of dimension d - 2, and the null directions B^{-1} 1 and"
        " B^{-1} C z"
    ),
    example=lambda: sensitivity.data(
        [1, -1, 1, -1], s=2, update=[[0, 1, 0, 0], [0] * 4, [1, 0, 0, 0], [0] * 4], layer=True
    ),
)
PREDICATES = (DIRECTIONS, BALL, CAP, SETTLES, SHARP, RANGE)

_SQUARE = [1, -1, 1, -1]
_MINUS = [[-1, 0, 0], [0, -1, 0], [0, 0, -1]]
FALSIFIERS = (
    Falsifier(
        "equal_entries",
        "regular",
        DIRECTIONS,
        lambda: layer_point([1, 1, 1], [1, -1, 0], [1, 1, 1], 0),
    ),
    Falsifier("no_epsilon", "epsilon", BALL, lambda: existence.line(1, "1/2", 0)),
    Falsifier("inner_norm_jumps", "continuous", BALL, lambda: existence.line(1, "1/2", 1, 0)),
    Falsifier(
        "recall_too_weak",
        "dominates",
        CAP,
        lambda: layer_loop(_MINUS, ["1/2", "-1/2", 0], [1, 1, 1], 1),
    ),
    Falsifier(
        "bound_over_the_unit_gain",
        "state_space",
        CAP,
        lambda: layer_loop(_MINUS, [2, -2, 0], [2, 2, 2], 1),
    ),
    Falsifier("recall_below_the_threshold", "small", SETTLES, lambda: centred_loop(-1, "3/2")),
    Falsifier(
        "inside_the_radius", "lower_bound", SETTLES, lambda: centred_loop(-1, "3/2", lower=2)
    ),
    Falsifier(
        "slope_understated",
        "lipschitz_update",
        SETTLES,
        lambda: centred_loop(-1, "3/2", lipschitz="1/4"),
    ),
    Falsifier("two_states_only", "plane", SHARP, lambda: contraction.sharp(1, 1, "3/2")),
    Falsifier(
        "no_recall",
        "recall_invertible",
        RANGE,
        lambda: sensitivity.data(_SQUARE, recall=[[0] * 4] * 4, layer=True),
    ),
    Falsifier(
        "epsilon", "eps_zero", RANGE, lambda: sensitivity.data([1, -1, 0], eps="1/3", layer=True)
    ),
    Falsifier(
        "unequal_gains",
        "gain_one",
        RANGE,
        lambda: sensitivity.data(_SQUARE, gain=[2, 1, 1, 1], layer=True),
    ),
)
