"""Attacks on M6: loops on finite sets of inputs, whose limits are counted exactly."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import NamedTuple

from ...kernel.random_falsifier import RandomFalsifier


class _Channel(NamedTuple):
    """h' = slope h + recall e clamped to [-1, 1], `loops` times from h_0 = e.

    The output is read to six decimals. Without recall the loop has m reachable fixed points.
    """

    slope: Fraction
    recall: Fraction
    loops: int
    inputs: tuple[Fraction, ...]

    @property
    def m(self) -> int:
        """Reachable fixed points of the loop without recall: 0, or -1 and 1 (inputs are not 0)."""
        return 1 if self.slope < 1 else 2

    def output(self, e: Fraction) -> Fraction:
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
    """h' = h - c(h - p)(h - q), with the fixed points p and q.

    There J = 1 -+ c(p - q), and the second derivative is 2c; `gap` is the bound on |1 - J| that is
    assumed.
    """

    c: Fraction
    p: Fraction
    q: Fraction
    gap: Fraction


def _pair(rng: random.Random, keep: bool) -> _Fixed:
    c = Fraction(rng.randint(1, 9), 5)
    p = Fraction(rng.randint(-9, 9), 4)
    distance = Fraction(rng.randint(1, 9), 10)
    return _Fixed(c, p, p + distance, c * distance * (1 if keep else 3))


def _closer(case: _Fixed) -> str | None:
    """Two fixed points closer than 2 gap/curvature."""
    least = 2 * case.gap / (2 * case.c)
    distance = abs(case.p - case.q)
    if distance >= least:
        return None
    loop = f"h' = h - {case.c}(h - {case.p})(h - {case.q})"
    return f"{loop}: fixed points {distance} apart, not {least}"


class _Sequence(NamedTuple):
    """Averaging attention on scalar tokens, some of which start equal.

    Each iteration is h_i' = h_i/2 + (mean of the visible tokens)/2 + i `position`.
    """

    tokens: tuple[Fraction, ...]
    causal: bool
    position: Fraction


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
    groups: dict[Fraction, set[Fraction]] = {}
    for start, end in zip(case.tokens, state, strict=True):
        groups.setdefault(start, set()).add(end)
    if any(len(ends) > 1 for ends in groups.values()):
        signal = "a causal mask" if case.causal else f"position {case.position} i"
        start, end = (", ".join(map(str, values)) for values in (case.tokens, state))
        return f"tokens {start} with {signal}: after 3 loops {end}"
    return None


class _Reached(NamedTuple):
    """The identity loop, where every state is a fixed point; `claimed` is the m that is assumed."""

    inputs: tuple[Fraction, ...]
    claimed: int


def _identity(rng: random.Random, keep: bool) -> _Reached:
    inputs = tuple(Fraction(k, 7) for k in rng.sample(range(50), rng.randint(3, 9)))
    return _Reached(inputs, len(inputs) if keep else 2)


def _more_than_claimed(case: _Reached) -> str | None:
    count = len(case.inputs)
    if len(set(case.inputs)) > case.claimed:
        return f"h' = h: {count} inputs reach {count} fixed points, not {case.claimed}"
    return None


def _without_recall(case: _Channel) -> bool:
    return case.recall == 0


_BITS = "at most m inputs are told apart"
FALSIFIERS = (
    RandomFalsifier(
        "recall",
        "autonomous",
        _BITS,
        lambda rng, keep: _channel(rng, not keep, True),
        _without_recall,
        _tells_apart,
    ),
    RandomFalsifier(
        "finite_time",
        "limit",
        _BITS,
        lambda rng, keep: _channel(rng, False, keep),
        lambda case: case.loops >= 40,
        _tells_apart,
    ),
    RandomFalsifier(
        "a_continuum_of_fixed_points",
        "reachable",
        _BITS,
        _identity,
        lambda case: len(case.inputs) <= case.claimed,
        _more_than_claimed,
    ),
    RandomFalsifier(
        "gap_overstated",
        "non_degenerate",
        "fixed points are at least 2g/M apart",
        _pair,
        lambda case: case.gap <= case.c * abs(case.p - case.q),
        _closer,
    ),
    RandomFalsifier(
        "positional_signal",
        "positionless",
        "tokens that start equal stay equal",
        _sequence,
        lambda case: not case.causal and case.position == 0,
        _separate,
        trials=10,
    ),
)
