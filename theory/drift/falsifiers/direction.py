"""M4 as programs: its sentences in exact arithmetic, and what breaks them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

from ...kernel.exact import Vector
from ...kernel.falsifier import Falsifier
from ...kernel.predicate import Predicate
from ...recall.scalar_loop import ScalarLoop
from .drift import residual

LOOPS = 256
"""iterations after which a deviation is compared with its order"""


class Inputs(NamedTuple):
    """u = n + pull bias, for two inputs, of which each has its bias and its start (unit vectors).

    V = pull P_n bias, so for pull > 0 the direction tends to the bias from every start but its
    opposite, and for pull = 0 every ray is invariant.
    """

    pull: Fraction
    biases: tuple[Vector, Vector]
    starts: tuple[Vector, Vector]


def inputs(pull: Any, biases: Any, starts: Any) -> Inputs:
    """A case from integers or strings."""
    exact = [[Fraction(x) for x in vector] for pair in (biases, starts) for vector in pair]
    return Inputs(Fraction(pull), (exact[0], exact[1]), (exact[2], exact[3]))


def _limits_differ(case: Inputs) -> str | None:
    first, second = case.biases if case.pull > 0 else case.starts
    if list(first) != list(second):
        ends = " and ".join(f"({', '.join(map(str, x))})" for x in (first, second))
        return f"pull {case.pull}: the directions tend to {ends}"
    return None


CONSTANT = Predicate(
    name="constant",
    sentence="With recall none n_inf is locally constant.",
    concluded_by=("without_recall",),
    assumptions={
        "sink": lambda case: case.pull > 0,
        "outward": lambda case: 1 + case.pull > 0,
        "recall_free": lambda case: list(case.biases[0]) == list(case.biases[1]),
    },
    refute=_limits_differ,
    example=lambda: inputs(2, ((1, 0), (1, 0)), (("3/5", "4/5"), ("4/5", "3/5"))),
)


def _read_out_moves(loop: ScalarLoop) -> str | None:
    """At width 1 the read-out N(h) is the sign of h."""
    found = loop.cycle()
    signs = {h > 0 for h in loop.orbit(LOOPS)}
    return found if found and len(signs) > 1 else None


SIGNAL = Predicate(
    name="signal",
    sentence=(
        "N(h_t) -> R n_inf(e), so a read-out that starts with RMSNorm sees a convergent signal."
    ),
    concluded_by=("signal",),
    assumptions={
        "outward": lambda loop: loop.start * loop.blocks[0](loop.start) > 0,
        "one_sub_block": lambda loop: len(loop.blocks) == 1,
    },
    refute=_read_out_moves,
    example=lambda: residual(2, 1, "1/2"),
)


class Approach(NamedTuple):
    """The deviation x' = (1 - ratio/t) x + w/t^{j+1} near a sink of growth 1, ratio = mu/a.

    Two sub-blocks whose updates at n* have the parts +-side across it give j = 1 and w = (1 -
    ratio) side; eps > 0, with an update across n* that is side x (|N| - 1), gives j = 2 and w =
    -side eps; otherwise w = 0.
    """

    ratio: int
    side: Fraction
    blocks: int = 1
    eps: Fraction = Fraction(0)

    @property
    def forcing(self) -> tuple[int, Fraction]:
        """j and w."""
        if self.blocks > 1:
            return 1, (1 - self.ratio) * self.side
        return 2, -self.side * self.eps


def _slower(case: Approach) -> str | None:
    """t^ratio |x_t| does not grow; a forced deviation tends to kappa/t^j instead."""
    j, w = case.forcing
    first = case.ratio + 1
    x = Fraction(1)
    for t in range(first, LOOPS):
        x = (1 - Fraction(case.ratio, t)) * x + w / t ** (j + 1)
    if j < case.ratio and w:
        kappa = w / (case.ratio - j)
        if abs(x * LOOPS**j - kappa) < abs(kappa) / 2:
            return f"mu/a = {case.ratio}, but t^{j} x_t tends to {kappa}"
    if not w and x * LOOPS**case.ratio > first**case.ratio:
        return f"t^{case.ratio} x_t grows to {float(x * LOOPS**case.ratio):.4g}"
    return None


RATE = Predicate(
    name="rate",
    sentence=(
        "For one sub-block with eps = 0, |n_t - n_inf| = O(t^-theta) for every theta < mu/a, where"
        " mu = a - nu and nu is the largest real part of the spectrum of P Du."
    ),
    concluded_by=("rate",),
    assumptions={
        "sink": lambda case: case.ratio > 0,
        "one_sub_block": lambda case: case.blocks == 1,
        "eps_zero": lambda case: case.eps == 0,
    },
    refute=_slower,
    example=lambda: Approach(3, Fraction(1)),
)

PREDICATES = (CONSTANT, SIGNAL, RATE)

FALSIFIERS = (
    Falsifier(
        "every_direction_fixed",
        "sink",
        CONSTANT,
        lambda: inputs(0, ((1, 0), (1, 0)), ((1, 0), ("3/5", "4/5"))),
    ),
    Falsifier(
        "recall_turns_the_sink",
        "recall_free",
        CONSTANT,
        lambda: inputs(1, ((1, 0), ("3/5", "4/5")), ((1, 0), (1, 0))),
    ),
    # h' = h - sign(h) swaps 1/2 and -1/2
    Falsifier("inward_sink", "outward", SIGNAL, lambda: residual(-1, 0, "1/2")),
    Falsifier(
        "forcing_by_a_second_block", "one_sub_block", RATE, lambda: Approach(3, Fraction(1), 2)
    ),
    Falsifier(
        "forcing_by_epsilon", "eps_zero", RATE, lambda: Approach(4, Fraction(1), 1, Fraction(1))
    ),
)
