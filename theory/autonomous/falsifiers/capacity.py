"""Attacks on M6: loops on finite input sets, counted exactly."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

from ...kernel.falsifier import Falsifier

Scalar = Fraction


class _Channel(NamedTuple):
    """h' = clamp of slope h + recall e after `loops` loops from h_0 = e; read at the accuracy
    1/10^6. Without recall it has m fixed " "points.
    """

    slope: Scalar
    recall: Scalar
    loops: int
    inputs: tuple[Scalar, ...]

    @property
    def m(self) -> int:
        """Reachable fixed points of the loop without recall: 0, or -1 and 1 (inputs are not 0)."""
        return 1 if self.slope < 1 else 2

    def output(self, e: Scalar) -> Scalar:
        h = e
        for _ in range(self.loops):
            h = max(Fraction(-1), min(Fraction(1), self.slope * h + self.recall * e))
        return round(h, 6)


def _channel(rng: random.Random, recall: bool, limit: bool) -> _Channel:
    inputs = tuple(Fraction(sign * k, 9) for k in rng.sample(range(1, 9), 4) for sign in (-1, 1))
    slope = Fraction(1, 3) if recall or rng.random() < 0.5 else Fraction(2)
    return _Channel(slope, Fraction(1, 2) if recall else Fraction(0), 40 if limit else 1, inputs)


def _tells_apart(case: _Channel) -> str | None:
    values = {case.output(e) for e in case.inputs}
    if len(values) > case.m:
        told = f"{len(values)} of {len(case.inputs)} inputs told apart, m = {case.m}"
        return f"h' = {case.slope} h + {case.recall} e, {case.loops} loops: {told}"
    return None


class _Fixed(NamedTuple):
    """h' = h - c(h - p)(h - q): two fixed points, J = 1 -+ c(p - q) there, second derivative 2c;
    `gap` is what is assumed of |1 - J|.
    """

    c: Scalar
    p: Scalar
    q: Scalar
    gap: Scalar


def _pair(rng: random.Random, keep: bool) -> _Fixed:
    c, p, distance = (
        Fraction(rng.randint(1, 9), 5),
        Fraction(rng.randint(-9, 9), 4),
        Fraction(rng.randint(1, 9), 10),
    )
    return _Fixed(c, p, p + distance, c * distance * (1 if keep else 3))


def _closer(case: _Fixed) -> str | None:
    """Two fixed points closer than 2 gap/curvature."""
    least = 2 * case.gap / (2 * case.c)
    distance = abs(case.p - case.q)
    return (
        f"h' = h - {case.c}(h - {case.p})(h - {case.q}): fixed points {distance} apart, not {least}"
        if distance < least
        else None
    )


class _Sequence(NamedTuple):
    """Averaging attention h_i' = h_i/2 + mean of the visible tokens/2 (+ position), on scalar
    tokens of which some start equal.
    """

    tokens: tuple[Scalar, ...]
    causal: bool
    position: Scalar


def _sequence(rng: random.Random, keep: bool) -> _Sequence:
    a, b = Fraction(rng.randint(1, 9)), Fraction(-rng.randint(1, 9))
    causal = not keep and rng.random() < 0.5
    return _Sequence((a, b, a, b, a), causal, Fraction(0) if keep or causal else Fraction(1, 8))


def _separate(case: _Sequence) -> str | None:
    state = list(case.tokens)
    for _ in range(3):
        seen = [state[: i + 1] if case.causal else state for i in range(len(state))]
        state = [
            (h + sum(keys, Fraction(0)) / len(keys)) / 2 + i * case.position
            for i, (h, keys) in enumerate(zip(state, seen, strict=True))
        ]
    groups: dict[Scalar, set[Scalar]] = {}
    for start, end in zip(case.tokens, state, strict=True):
        groups.setdefault(start, set()).add(end)
    if any(len(ends) > 1 for ends in groups.values()):
        signal = "a causal mask" if case.causal else f"position {case.position} i"
        return (
            f"tokens {', '.join(map(str, case.tokens))} with {signal}: after 3 loops"
            f" {', '.join(map(str, state))}"
        )
    return None


class _Reached(NamedTuple):
    """The identity loop: every state is a fixed point; `claimed` is the m that is assumed."""

    inputs: tuple[Scalar, ...]
    claimed: int


def _identity(rng: random.Random, keep: bool) -> _Reached:
    inputs = tuple(Fraction(k, 7) for k in rng.sample(range(50), rng.randint(3, 9)))
    return _Reached(inputs, len(inputs) if keep else 2)


_BITS: str = "at most m inputs are told apart"
_holds_recall: Callable[[_Channel], bool] = lambda case: case.recall == 0  # noqa: E731
FALSIFIERS = (
    Falsifier(
        "recall",
        "autonomous",
        _BITS,
        lambda rng, keep: _channel(rng, not keep, True),
        _holds_recall,
        _tells_apart,
    ),
    Falsifier(
        "finite_time",
        "limit",
        _BITS,
        lambda rng, keep: _channel(rng, False, keep),
        lambda case: case.loops >= 40,
        _tells_apart,
    ),
    Falsifier(
        "a_continuum_of_fixed_points",
        "reachable",
        _BITS,
        _identity,
        lambda case: len(case.inputs) <= case.claimed,
        lambda case: (
            f"h' = h: {len(case.inputs)} inputs reach {len(case.inputs)} fixed points, not"
            f" {case.claimed}"
            if len(set(case.inputs)) > case.claimed
            else None
        ),
    ),
    Falsifier(
        "gap_overstated",
        "non_degenerate",
        "fixed points are at least 2g/M apart",
        _pair,
        lambda case: case.gap <= case.c * abs(case.p - case.q),
        _closer,
    ),
    Falsifier(
        "positional_signal",
        "positionless",
        "tokens that start equal stay equal",
        _sequence,
        lambda case: not case.causal and case.position == 0,
        _separate,
        10,
    ),
)
