"""A2': its sentences as programs, by exact ranks, and networks in which one assumption fails.

The factor 1/s of DN does not change a rank, so ranks are taken of s DN(z) = diag(gamma)(I - z
z^T/(d s^2)), which is rational where z is.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import NamedTuple

from flint import fmpq_mat

from ...kernel.algebra import diagonal, fmpq
from ...kernel.falsifier import Falsifier
from ...kernel.predicate import Predicate

Vector = list[Fraction]


def norm_slope(z: Vector, gain: Vector, eps: Fraction) -> fmpq_mat:
    """The d x d matrix s DN(z)."""
    d = len(z)
    ds2 = dot(z, z) + d * eps
    return rational_matrix(
        [[gain[i] * (int(i == j) - z[i] * z[j] / ds2) for j in range(d)] for i in range(d)]
    )


def side_by_side(*blocks: fmpq_mat) -> fmpq_mat:
    """The matrix [X Y ...]."""
    tables = [block.table() for block in blocks]
    return fmpq_mat([[x for row in rows for x in row] for rows in zip(*tables, strict=True)])


def stacked(*blocks: fmpq_mat) -> fmpq_mat:
    """The matrix [X; Y; ...]."""
    return fmpq_mat([row for block in blocks for row in block.table()])


def rational_matrix(rows: list[Vector]) -> fmpq_mat:
    """A matrix of flint."""
    return fmpq_mat([[fmpq(x) for x in row] for row in rows])


def dot(left: Vector, right: Vector) -> Fraction:
    """The inner product."""
    return sum((x * y for x, y in zip(left, right, strict=True)), Fraction(0))


class LastLayer(NamedTuple):
    """The last layer of an update, at L tokens.

    Args:
        hidden: the hidden activations a_i of each token.
        z: the argument z_i of the norm after the last map for each token; None without a norm.
        gain: the gain gamma of that norm.
        eps: the epsilon of that norm.
        learned: which parameters are counted: `bias`, `bias and gain`, or the whole `map`.
    """

    hidden: list[Vector]
    z: list[Vector] | None
    gain: Vector
    eps: Fraction
    learned: str = "map"

    def after(self, i: int) -> fmpq_mat:
        """The derivative of all that follows the last linear map at token i, up to a factor."""
        if self.z is None:
            return diagonal([1] * len(self.gain))
        return norm_slope(self.z[i], self.gain, self.eps)

    def bias(self) -> fmpq_mat:
        """The derivative with respect to the shared bias, L d x d."""
        return stacked(*(self.after(i) for i in range(len(self.hidden))))

    def output_layer(self) -> fmpq_mat:
        """The derivative with respect to (W2, b2), L d x d (hidden + 1)."""
        rows = []
        for i, a in enumerate(self.hidden):
            slope = self.after(i)
            rows.append(side_by_side(*(slope * fmpq(x) for x in (*a, Fraction(1)))))
        return stacked(*rows)

    def bias_and_gain(self) -> fmpq_mat:
        """The derivative with respect to (b, gamma), up to the factor 1/s_i of each token.

        It needs a norm after the last map.
        """
        assert self.z is not None
        return stacked(*(side_by_side(self.after(i), diagonal(z)) for i, z in enumerate(self.z)))

    def extended_rank(self) -> int:
        """The rank of the vectors (a_i, 1)."""
        return rational_matrix([[*a, Fraction(1)] for a in self.hidden]).rank()

    def rank(self) -> int:
        """The rank of the derivative with respect to the learned parameters."""
        if self.learned == "map":
            return self.output_layer().rank()
        return (self.bias() if self.learned == "bias" else self.bias_and_gain()).rank()


def _falls_short(case: LastLayer) -> str | None:
    wanted = len(case.hidden) * len(case.gain)
    if case.z is not None and any(dot(z, z) + case.eps == 0 for z in case.z):
        return "N has no derivative at z = 0, eps = 0"
    if case.rank() == wanted:
        return None
    gain = ", ".join(map(str, case.gain))
    return f"rank {case.rank()} of {wanted} by the {case.learned}, gamma = ({gain})"


_ONE, _ZERO = Fraction(1), Fraction(0)

LAST_BIAS = Predicate[LastLayer](
    name="last_bias",
    sentence=(
        "One token: the last bias is onto R^d for pre and, with eps > 0 and gains without zeros,"
        " for peri, post, sandwich"
    ),
    concluded_by=("norm_with_epsilon",),
    assumptions={
        "gains": lambda case: case.z is None or all(case.gain),
        "epsilon": lambda case: case.z is None or case.eps > 0,
    },
    refute=_falls_short,
    example=lambda: LastLayer([[]], [[_ONE, _ZERO]], [_ONE, _ONE], _ONE, "bias"),
)

LAST_MAP = Predicate[LastLayer](
    name="last_map",
    sentence=(
        "With L tokens, gains without zeros, and eps > 0 where a norm follows, the last linear map"
        " (W2, b2) is onto R^(L d) if (a_1, 1), .., (a_L, 1) are linearly independent"
    ),
    concluded_by=("output_layer", "norm_with_epsilon"),
    assumptions={
        "independent": lambda case: case.extended_rank() == len(case.hidden),
        "whole_map": lambda case: case.learned == "map",
        "gains": lambda case: all(case.gain),
        "epsilon": lambda case: case.z is None or case.eps > 0,
    },
    refute=_falls_short,
    example=lambda: LastLayer([[_ZERO], [_ONE]], [[_ONE], [_ONE]], [_ONE], _ONE),
)

BIAS_AND_GAIN = Predicate[LastLayer](
    name="bias_and_gain",
    sentence=(
        "With one token and eps = 0, bias and gain together are onto R^d for peri, if no gain"
        " vanishes."
    ),
    concluded_by=("norm_without_epsilon",),
    assumptions={
        "learned_gains": lambda case: case.learned == "bias and gain",
        "gains": lambda case: all(case.gain),
        "smooth": lambda case: len(case.hidden) == 1 and case.z is not None and any(case.z[0]),
    },
    refute=_falls_short,
    example=lambda: LastLayer([[]], [[_ONE, _ZERO]], [_ONE, _ONE], _ZERO, "bias and gain"),
)


class OneSubBlock(NamedTuple):
    """A step of peri with one sub-block, h' = z + gamma o N(u(N(z))), at a state h.

    Args:
        h: the state.
        z: the residual stream: h, or W_x h + W_e e + b with external recall.
        u: the update; the mean of its squares plus eps is the square of a rational number.
        gain: the gain gamma.
        eps: the epsilon of the outer norm.
    """

    h: Vector
    z: Vector
    u: Vector
    gain: Vector
    eps: Fraction = Fraction(0)

    def step(self) -> Vector:
        """h' - h."""
        square = dot(self.u, self.u) / len(self.u) + self.eps
        s = Fraction(math.isqrt(square.numerator), math.isqrt(square.denominator))
        assert s * s == square, "the norm is not rational"
        rows = zip(self.h, self.z, self.gain, self.u, strict=True)
        return [z + gain * u / s - h for h, z, gain, u in rows]


def _stays(case: OneSubBlock) -> str | None:
    step = case.step()
    if any(step) and dot(step, step) >= len(step) * min(x * x for x in case.gain):
        return None
    return f"|h' - h|^2 = {dot(step, step)} at h = ({', '.join(map(str, case.h))})"


ONE_SUB_BLOCK = Predicate[OneSubBlock](
    name="one_sub_block",
    sentence=(
        "Peri with one sub-block, eps = 0 and without external recall has no fixed point, if no"
        " gain vanishes: |h' - h| >= sqrt(d) min|gamma|."
    ),
    concluded_by=("peri_one_block",),
    assumptions={
        "direct": lambda case: case.z == case.h,
        "epsilon": lambda case: case.eps == 0,
        "gains": lambda case: all(case.gain),
    },
    refute=_stays,
    example=lambda: OneSubBlock([_ONE], [_ONE], [_ONE], [Fraction(1, 2)]),
)

PREDICATES = (LAST_BIAS, LAST_MAP, BIAS_AND_GAIN, ONE_SUB_BLOCK)

FALSIFIERS = (
    Falsifier(
        "equal_tokens",
        "independent",
        LAST_MAP,
        lambda: LastLayer([[_ONE], [_ONE]], None, [_ONE], _ZERO),
    ),
    Falsifier(
        "shared_bias_alone",
        "whole_map",
        LAST_MAP,
        lambda: LastLayer([[_ZERO], [_ONE]], None, [_ONE], _ZERO, "bias"),
    ),
    Falsifier(
        "a_gain_of_zero",
        "gains",
        LAST_BIAS,
        lambda: LastLayer([[]], [[_ONE]], [_ZERO], _ONE, "bias"),
    ),
    Falsifier(
        "on_the_sphere",
        "epsilon",
        LAST_BIAS,
        lambda: LastLayer([[]], [[_ONE]], [_ONE], _ZERO, "bias"),
    ),
    Falsifier(
        "gain_free_peri",
        "learned_gains",
        BIAS_AND_GAIN,
        lambda: LastLayer([[]], [[_ONE]], [_ONE], _ZERO, "bias"),
    ),
    Falsifier(
        "argument_of_zero",
        "smooth",
        BIAS_AND_GAIN,
        lambda: LastLayer([[]], [[_ZERO]], [_ONE], _ZERO, "bias and gain"),
    ),
    Falsifier(
        "external_recall",
        "direct",
        ONE_SUB_BLOCK,
        # W_x = 0, z = W_e e = 1, N(u) = 1: h = 2 is fixed
        lambda: OneSubBlock([Fraction(2)], [_ONE], [_ONE], [_ONE]),
    ),
    Falsifier(
        "update_of_zero",
        "epsilon",
        ONE_SUB_BLOCK,
        lambda: OneSubBlock([_ONE], [_ONE], [_ZERO], [_ONE], _ONE),
    ),
)
