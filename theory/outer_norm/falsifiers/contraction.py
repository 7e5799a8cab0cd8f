"""Predicates of N3, contraction by the outer norm, and one witness for each assumption."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import flint
from flint import fmpq_mat

from ...kernel.algebra import fmpq
from ...kernel.falsifier import Falsifier
from ...kernel.predicate import Predicate
from .exact_states import dot, show, sphere_point


class Loop(NamedTuple):
    """h' = gain N(a h + beta e) at eps = 0, two states, and what is claimed of the update.

    Args:
        slope: a, of either sign.
        beta: the strength of the input, at least 0.
        gain: one positive gain for all entries.
        lipschitz: the claimed bound l of Lip G.
        lower: the claimed bound r of |G|, in units of R.
        e: the input, of norm R.
        first, second: two states divided by the gain, of norm R.
    """

    slope: flint.fmpq
    beta: flint.fmpq
    gain: flint.fmpq
    lipschitz: flint.fmpq
    lower: flint.fmpq
    e: fmpq_mat
    first: fmpq_mat
    second: fmpq_mat

    @property
    def kappa(self) -> flint.fmpq:
        """R l/r."""
        return self.lipschitz / self.lower

    def update(self, state: fmpq_mat) -> fmpq_mat:
        """G at gain x state."""
        return self.slope * self.gain * state + self.beta * self.e

    def __str__(self) -> str:
        gain = "" if self.gain == 1 else f"{self.gain} "
        return f"d = {self.e.nrows()}, {gain}N({self.slope} h + {self.beta} e), e = {show(self.e)}"


def loop(
    slope: Any,
    beta: Any,
    *,
    gain: Any = 1,
    lipschitz: Any = None,
    lower: Any = None,
    axes: Sequence[Sequence[Any]] = ((1, -1), (1, -1), (8, -7)),
) -> Loop:
    """The case with these rationals; `axes` are the axes of the input and of the two states.

    The claims are by default the true bounds |a| and |beta - |a| gain|.
    """
    a, b, g = fmpq(slope), fmpq(beta), fmpq(gain)
    points = (sphere_point(axis) for axis in axes)
    return Loop(
        a,
        b,
        g,
        abs(a) if lipschitz is None else fmpq(lipschitz),
        abs(b - abs(a) * g) if lower is None else fmpq(lower),
        *points,
    )


def _lower_bound(case: Loop) -> bool:
    # |a h + beta e| on |h| = gain R is least where h is opposite to e (a > 0) or at e (a < 0)
    return 0 < case.lower <= abs(case.beta - abs(case.slope) * case.gain)


def _stretched(case: Loop) -> str | None:
    """Whether |N z - N w|^2 = R^2 (2 - 2 <z, w>/(|z||w|)) exceeds kappa^2 |h - k|^2, exactly."""
    z, w = case.update(case.first), case.update(case.second)
    gap = case.first - case.second  # the gain is a factor of both sides
    excess = 2 - case.kappa**2 * dot(gap, gap) / case.e.nrows()
    inner = 2 * dot(z, w)
    # whether excess > inner/(|z||w|)
    if not _exceeds(excess, inner, dot(z, z) * dot(w, w)):
        return None
    states = f"{show(case.first)} and {show(case.second)}"
    return f"{case}: the states along {states} are stretched by more than kappa = {case.kappa}"


def _exceeds(x: flint.fmpq, y: flint.fmpq, square: flint.fmpq) -> bool:
    """Whether x > y/sqrt(square)."""
    if x >= 0 > y or (x > 0 and y == 0):
        return True
    if x <= 0 <= y:
        return False
    return x * x * square > y * y if x > 0 else x * x * square < y * y


def _does_not_settle(case: Loop) -> str | None:
    """Of gain e and -gain e those are fixed whose scale is positive; then the multiplier."""
    scales = (case.slope * case.gain + case.beta, case.slope * case.gain - case.beta)
    count = sum(scale > 0 for scale in scales)
    if count != 1:
        return f"{case}: {count or 'no'} fixed points"
    multiplier = case.slope * case.gain / max(scales)
    if case.e.nrows() > 1 and abs(multiplier) >= 1:
        return f"{case}: the fixed point has the multiplier {multiplier} across e"
    return _stretched(case)


class Sharp(NamedTuple):
    """h' = N(-a h + beta e) at eps = 0 in dimension d, a > 0, beta >= 0.

    `dimension` is that of the space in which the sphere of states lies: d for RMSNorm, d - 1 for
    LayerNorm.
    """

    dimension: int
    a: flint.fmpq
    beta: flint.fmpq


def sharp(dimension: int, a: Any, beta: Any) -> Sharp:
    """The case with these rationals."""
    return Sharp(dimension, fmpq(a), fmpq(beta))


def not_sharp(case: Sharp) -> str | None:
    """Why one of the three statements about the example fails; None if they hold."""
    dimension, a, beta = case
    where = f"{dimension} dimension(s), N(-{a} h + {beta} e)"
    fixed = beta > a
    # at a fixed point h = x e, x = +-1: s x = beta - a x with s > 0
    if fixed != any((beta - a * x) * x > 0 for x in (1, -1)):
        return f"{where}: the fixed points are others"
    if fixed and dimension > 1 and (abs(a / (beta - a)) < 1) != (beta > 2 * a):
        return f"{where}: the multiplier is {-a / (beta - a)}"
    if not 0 < beta < 2 * a or _has_cycle(case):
        return None
    return f"{where}: every state is mapped to the same one, so there is no 2-cycle"


def _has_cycle(case: Sharp) -> bool:
    """Whether some state returns after two steps and not after one."""
    dimension, a, beta = case
    if dimension == 1:
        images = {x: 1 if beta - a * x > 0 else -1 for x in (1, -1)}
        return any(images[x] != x == images[images[x]] for x in (1, -1))
    # h = c e + t u with u across e, |u| = R and t^2 = 1 - c^2; one step negates t
    c = beta / (2 * a)
    size = (beta - a * c) ** 2 + a**2 * (1 - c**2)
    once = (beta - a * c) / a
    return size == a**2 and once == c and c**2 < 1


_ASSUMED = {
    "lower_bound": _lower_bound,
    "lipschitz_update": lambda case: abs(case.slope) <= case.lipschitz,
    "gain_one": lambda case: case.gain == 1,
}
LIPSCHITZ = Predicate(
    name="lipschitz",
    sentence="|f(h) - f(k)| <= kappa |h - k| for all states h and k",
    concluded_by=("kappa",),
    assumptions=_ASSUMED,
    refute=_stretched,
    example=lambda: loop(-1, "3/2"),
)
SETTLES = Predicate(
    name="settles",
    sentence=(
        "If kappa < 1, f has exactly one fixed point, and every orbit tends to it at the rate"
        " kappa."
    ),
    concluded_by=("one_fixed_point",),
    assumptions={**_ASSUMED, "small": lambda case: case.kappa < 1},
    refute=_does_not_settle,
    example=lambda: loop(-1, "5/2"),
)
SHARP = Predicate(
    name="sharp",
    sentence=(
        "For A = -a I and d >= 2 there is a fixed point iff beta > a, its multiplier is below 1 in"
        " modulus iff beta > 2 a, and for 0 < beta < 2 a there are 2-cycles."
    ),
    concluded_by=("sharp_fixed_point", "sharp_threshold", "two_cycle"),
    assumptions={"plane": lambda case: case.dimension >= 2},
    refute=not_sharp,
    example=lambda: sharp(2, 1, "3/2"),
)
PREDICATES = (LIPSCHITZ, SETTLES, SHARP)

FALSIFIERS = (
    Falsifier("recall_too_weak", "small", SETTLES, lambda: loop(-1, "3/2")),
    Falsifier("gain_ignored", "gain_one", SETTLES, lambda: loop(-1, "7/2", gain=2)),
    Falsifier("inside_the_radius", "lower_bound", LIPSCHITZ, lambda: loop(-1, "3/2", lower=2)),
    Falsifier(
        "slope_understated", "lipschitz_update", LIPSCHITZ, lambda: loop(-1, "3/2", lipschitz="1/4")
    ),
    Falsifier("two_states_only", "plane", SHARP, lambda: sharp(1, 1, "3/2")),
)
