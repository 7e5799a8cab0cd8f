"""Attacks on A3: loops on the line or the plane whose limits are known, one assumption dropped at a
time.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from ...kernel.falsifier import Falsifier

State = tuple[float, ...]


@dataclass(frozen=True)
class _Loop:
    """A loop with its start h_0(e), an input e0 and nearby inputs; the facts are those that the
    attack may drop.
    """

    text: str
    step: Callable[[State, float], State]
    start: Callable[[float], State]
    e0: float
    near: tuple[float, ...]
    facts: frozenset[str]

    def limit(self, e: float) -> State:
        """h after 4000 loops; every loop here converges geometrically, at 1 - 1/420 per loop or
        faster.
        """
        h = self.start(e)
        for _ in range(4000):
            h = self.step(h, e)
        return h


_ALL = frozenset({"autonomous", "continuous_map", "discrete", "continuous_limit", "connected"})


def _cubic_step(h: State, _: float) -> State:
    return (
        h[0] - h[0] * (h[0] ** 2 - 1) / 4,
    )  # fixed: -1, 0, 1; the limit of h_0 in (-1, 1) is its sign


def _good(rng: random.Random) -> _Loop:
    e0 = rng.choice((-1, 1)) * rng.uniform(0.2, 0.9)
    return _Loop(
        "h - h(h^2 - 1)/4",
        _cubic_step,
        lambda e: (e,),
        e0,
        tuple(e0 + 2.0**-k for k in (4, 6, 8)),
        _ALL,
    )


def _recall(rng: random.Random) -> _Loop:
    a = rng.uniform(0.2, 0.8)
    return _Loop(
        f"{a:.3g} h + e",
        lambda h, e: (a * h[0] + e,),
        lambda e: (e,),
        0.5,
        (0.5 + 2**-6, 0.5 - 2**-7),
        _ALL - {"autonomous"},
    )


def _torn(rng: random.Random) -> _Loop:
    """f(x, y) = (x, y/2) off the axis, (x + 1, 1) on it: no fixed point, every limit (e, 0) is
    where f is torn.
    """
    y = rng.uniform(0.5, 2)

    def step(h: State, _: float) -> State:
        # y/2^t > 0 never reaches the axis; rounding would after 1074 halvings, so the state is kept
        # above
        return (h[0], max(h[1] / 2, 2.0**-900)) if h[1] != 0 else (h[0] + 1, 1.0)

    return _Loop(
        "(x, y/2), torn at y = 0",
        step,
        lambda e: (e, y),
        0.25,
        (0.25 + 2**-6,),
        _ALL - {"continuous_map"},
    )


def _stairs(rng: random.Random) -> _Loop:
    """f(h) = h + (p - h)(h - q) on [q, p] = [1/(n+1), 1/n], odd: Fix = {0, +-1/n} accumulates at
    0.
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
    return _Loop("h + (1/n - h)(h - 1/(n+1))", step, lambda e: (e,), 0.0, near, _ALL - {"discrete"})


def _edge(rng: random.Random) -> _Loop:
    """At e0 = 0, between two basins."""
    return _Loop(
        "h - h(h^2 - 1)/4",
        _cubic_step,
        lambda e: (e,),
        0.0,
        (rng.uniform(1e-4, 1e-2),),
        _ALL - {"continuous_limit", "connected"},
    )


def _islands(rng: random.Random) -> _Loop:
    """Inputs on both sides of 0, without 0."""
    a = rng.uniform(0.2, 0.9)
    return _Loop("h - h(h^2 - 1)/4", _cubic_step, lambda e: (e,), a, (-a,), _ALL - {"connected"})


def _moves(case: _Loop) -> str | None:
    """The limit at a nearby input differs from the limit at e0."""
    base = case.limit(case.e0)
    for e in case.near:
        gap = max(abs(x - y) for x, y in zip(case.limit(e), base, strict=True))
        if gap > 1e-4:
            quotient = gap / abs(e - case.e0)
            return (
                f"f(h) = {case.text}: from e0 = {case.e0:.4g} to e = {e:.6g} h_inf moves by"
                f" {gap:.4g} = {quotient:.4g} |e - e0|"
            )
    return None


def _attack(
    name: str, drops: str, other: Callable[[random.Random], _Loop], conclusion: str
) -> Falsifier[_Loop]:
    return Falsifier(
        name,
        drops,
        conclusion,
        lambda rng, keep: _good(rng) if keep else other(rng),
        lambda case: drops in case.facts,
        _moves,
        5,
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
