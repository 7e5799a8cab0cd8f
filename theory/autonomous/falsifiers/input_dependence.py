"""Attacks on A3, input-dependence: what happens when one assumption is dropped.

The cases are loops on the line or in the plane whose limits are known.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from ...kernel.random_falsifier import RandomFalsifier

State = tuple[float, ...]


ITERATIONS = 4000
"""every loop here converges geometrically, by a factor of at most 1 - 1/420 per iteration"""
MOVED = 1e-4
"""a limit has moved by more than this; 4000 iterations leave an error below 1e-4"""


@dataclass(frozen=True)
class _Loop:
    """A loop with its start h_0(e), an input e0, nearby inputs, and the assumptions it satisfies.

    `facts` holds the names of those assumptions.
    """

    text: str
    step: Callable[[State, float], State]
    start: Callable[[float], State]
    e0: float
    near: tuple[float, ...]
    facts: frozenset[str]

    def limit(self, e: float) -> State:
        """The state after `ITERATIONS` iterations from h_0(e)."""
        h = self.start(e)
        for _ in range(ITERATIONS):
            h = self.step(h, e)
        return h


_CUBIC = "h - h(h^2 - 1)/4"
_ALL = frozenset({"autonomous", "continuous_map", "discrete", "continuous_limit", "connected"})


def _cubic_step(h: State, _: float) -> State:
    # the fixed points are -1, 0 and 1; the limit from h_0 in (-1, 1) is the sign of h_0
    return (h[0] - h[0] * (h[0] ** 2 - 1) / 4,)


def _scalar_start(e: float) -> State:
    return (e,)


def _good(rng: random.Random) -> _Loop:
    e0 = rng.choice((-1, 1)) * rng.uniform(0.2, 0.9)
    near = tuple(e0 + 2.0**-k for k in (4, 6, 8))
    return _Loop(_CUBIC, _cubic_step, _scalar_start, e0, near, _ALL)


def _recall(rng: random.Random) -> _Loop:
    a = rng.uniform(0.2, 0.8)
    near = (0.5 + 2**-6, 0.5 - 2**-7)
    facts = _ALL - {"autonomous"}
    return _Loop(f"{a:.3g} h + e", lambda h, e: (a * h[0] + e,), _scalar_start, 0.5, near, facts)


def _torn(rng: random.Random) -> _Loop:
    """f(x, y) = (x, y/2) off the axis y = 0, and (x + 1, 1) on it.

    It has no fixed point: f is discontinuous at every limit (e, 0).
    """
    y = rng.uniform(0.5, 2)

    def step(h: State, _: float) -> State:
        # y/2^t > 0 never reaches the axis, but in double precision it would after 1074 halvings, so
        # the state is kept above it
        return (h[0], max(h[1] / 2, 2.0**-900)) if h[1] != 0 else (h[0] + 1, 1.0)

    facts = _ALL - {"continuous_map"}
    return _Loop("(x, y/2), torn at y = 0", step, lambda e: (e, y), 0.25, (0.25 + 2**-6,), facts)


def _stairs(rng: random.Random) -> _Loop:
    """f(h) = h + (p - h)(h - q) on [q, p] = [1/(n+1), 1/n], extended oddly.

    Its fixed points 0 and +-1/n accumulate at 0.
    """

    def step(h: State, _: float) -> State:
        x = abs(h[0])
        if x == 0 or x >= 1:
            return h
        n = int(1 / x)
        while n * x > 1:
            n -= 1
        while (n + 1) * x <= 1:
            n += 1
        x = min(x + (1 / n - x) * (x - 1 / (n + 1)), 1 / n)
        return (x if h[0] > 0 else -x,)

    n = rng.randint(12, 20)
    near = tuple(sign * (0.3 / k + 0.7 / (k + 1)) for k in (n, n + 1) for sign in (-1, 1))
    facts = _ALL - {"discrete"}
    return _Loop("h + (1/n - h)(h - 1/(n+1))", step, _scalar_start, 0.0, near, facts)


def _edge(rng: random.Random) -> _Loop:
    """The cubic loop at e0 = 0, on the border of two basins."""
    near = (rng.uniform(1e-4, 1e-2),)
    facts = _ALL - {"continuous_limit", "connected"}
    return _Loop(_CUBIC, _cubic_step, _scalar_start, 0.0, near, facts)


def _islands(rng: random.Random) -> _Loop:
    """The cubic loop on inputs on both sides of 0, without 0."""
    a = rng.uniform(0.2, 0.9)
    return _Loop(_CUBIC, _cubic_step, _scalar_start, a, (-a,), _ALL - {"connected"})


def _moves(case: _Loop) -> str | None:
    """The limit at a nearby input differs from the limit at e0."""
    base = case.limit(case.e0)
    for e in case.near:
        gap = max(abs(x - y) for x, y in zip(case.limit(e), base, strict=True))
        if gap > MOVED:
            moves = f"h_inf moves by {gap:.4g} = {gap / abs(e - case.e0):.4g} |e - e0|"
            return f"f(h) = {case.text}: from e0 = {case.e0:.4g} to e = {e:.6g} {moves}"
    return None


def _attack(
    name: str, drops: str, other: Callable[[random.Random], _Loop], conclusion: str
) -> RandomFalsifier[_Loop]:
    def draw(rng: random.Random, keep: bool) -> _Loop:
        return _good(rng) if keep else other(rng)

    return RandomFalsifier(
        name, drops, conclusion, draw, lambda case: drops in case.facts, _moves, trials=5
    )


_LOCAL = "h_inf is constant near e0"
FALSIFIERS = (
    _attack("recall", "autonomous", _recall, _LOCAL),
    _attack("map_torn_at_the_limit", "continuous_map", _torn, _LOCAL),
    _attack("staircase", "discrete", _stairs, _LOCAL),
    _attack("between_two_basins", "continuous_limit", _edge, _LOCAL),
    _attack(
        "two_islands_of_inputs", "connected", _islands, "h_inf is constant on the set of inputs"
    ),
)
