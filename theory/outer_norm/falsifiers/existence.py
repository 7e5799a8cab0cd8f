"""Attacks on N2, existence of a fixed point: what happens when one assumption is dropped."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import NamedTuple

from ...kernel.random_falsifier import RandomFalsifier

FIXED = 1e-6
"""a state that moves by less than this, in units of R, counts as fixed after bisection"""
TURNED = 1e-9
"""an angle that turns by less than this counts as fixed after bisection"""


class _Line(NamedTuple):
    """f(x) = N_eps(-c n(x) + w) on the line through w, in units of R; every fixed point lies there.

    The inner norm is n(x) = x/sqrt(x^2 + inner).
    """

    c: float
    w: float
    eps: float
    inner: float


def _line(rng: random.Random, keep: bool) -> _Line:
    c = rng.uniform(0.5, 3)
    w, eps = rng.uniform(-0.9, 0.9) * c, 10 ** rng.uniform(-4, 0)
    return _Line(c, w, eps, inner=10 ** rng.uniform(-8, -1) if keep else 0.0)


def _step(case: _Line, x: float) -> float:
    # at inner = 0 the norm is undefined at x = 0 and is read as 0 there; any other value n of
    # modulus at most 1 fails too, unless c n = w
    size = math.sqrt(x * x + case.inner)
    z = case.w - case.c * (x / size if size else 0.0)
    return z / math.sqrt(z * z + case.eps)


def bisect(
    gap: Callable[[float], float], low: float, high: float, halvings: int = 200
) -> tuple[float, float]:
    """The ends of the last interval of a bisection that starts from gap(low) >= 0 >= gap(high)."""
    for _ in range(halvings):
        middle = (low + high) / 2
        if gap(middle) >= 0:
            low = middle
        else:
            high = middle
    return low, high


def _no_crossing(case: _Line) -> str | None:
    ends = bisect(lambda x: _step(case, x) - x, -1.0, 1.0)
    residual = min(abs(_step(case, x) - x) for x in ends if x or case.inner)
    if residual <= FIXED:
        return None
    loop = f"N_eps(-{case.c:.4g} n(h) + {case.w:.4g}), outer eps = {case.eps:.3g}, inner eps = 0"
    where = "f - h changes sign at h = 0, where n is undefined"
    return f"{loop}: {where}, with |f - h| >= {residual:.3g} beside it"


class _Circle(NamedTuple):
    """h' = N_gamma(-a h + bounded + beta e) on the circle, with gamma = gain 1.

    The angle is 0 at e. The bounded part has the amplitude `wave`; `assumed` is the sup|g| that is
    assumed.
    """

    a: float
    wave: float
    phase: float
    beta: float
    gain: float
    assumed: float


def _circle(rng: random.Random, dominates: bool, right_sup: bool) -> _Circle:
    a = rng.uniform(0.5, 2)
    gain = 1.0 if right_sup and not dominates else rng.uniform(2, 4)
    wave = rng.uniform(0, 0.5) * a if dominates and right_sup else 0.0
    largest = a * gain + wave
    if dominates:
        assumed = largest if right_sup else a
        beta = assumed * rng.uniform(1.02, 1.5 if right_sup else 1.9)
    else:
        assumed, beta = largest, largest * rng.uniform(0.1, 0.95)
    return _Circle(a, wave, rng.uniform(0, 6.28), beta, gain, assumed)


def _image(case: _Circle, angle: float) -> tuple[float, float]:
    """The argument z of the norm at the state of that angle, in units of R."""
    turn = case.wave * math.sin(3 * angle + case.phase)
    x = -case.a * case.gain * math.cos(angle) + turn * math.cos(2 * angle) + case.beta
    return x, -case.a * case.gain * math.sin(angle) + turn * math.sin(2 * angle)


def _turn(case: _Circle, angle: float) -> float:
    """The angle from the state to its image, in (-pi, pi]."""
    x, y = _image(case, angle)
    turn = math.atan2(y, x) - angle
    return math.atan2(math.sin(turn), math.cos(turn))


def _nothing_fixed(case: _Circle) -> str | None:
    nodes = [math.pi * (2 * k / 720 - 1) for k in range(721)]
    turns = [_turn(case, angle) for angle in nodes]
    for low, high, first, second in zip(nodes, nodes[1:], turns, turns[1:], strict=False):
        if first * second <= 0 and abs(first - second) < 1:
            left, right = (low, high) if first >= 0 else (high, low)
            found = bisect(lambda angle: _turn(case, angle), left, right)[0]
            if abs(_turn(case, found)) < TURNED:
                return None
    loop = f"d = 2, -{case.a:.4g} h + {case.beta:.4g} e, gain {case.gain:.3g}"
    least = math.degrees(min(map(abs, turns)))
    return (
        f"{loop}, sup|g| taken as {case.assumed:.4g} R: on 720 angles no state is turned by less"
        f" than {least:.3g} degrees"
    )


def _real_sup(case: _Circle) -> float:
    """The supremum of |g| over the states, in units of R."""
    return case.a * case.gain + case.wave


class _Quantised(NamedTuple):
    """f(h) = N_eps(w - c q(h)) at d = 1: q(h) is h, or h rounded to a multiple of `grid`."""

    c: float
    w: float
    grid: float


def _quantised(rng: random.Random, keep: bool) -> _Quantised:
    # the rounded map jumps across the diagonal at h = grid/2
    grid = rng.uniform(0.3, 0.6)
    c = rng.uniform(2, 4)
    return _Quantised(c, c * grid / 2, 0.0 if keep else grid)


def _jumps(case: _Quantised) -> str | None:
    def f(h: float) -> float:
        read = case.grid * math.floor(h / case.grid + 0.5) if case.grid else h
        z = case.w - case.c * read
        return z / math.sqrt(z * z + 0.01)

    residual = min(abs(f(h) - h) for h in bisect(lambda h: f(h) - h, -1.0, 1.0))
    if residual <= FIXED:
        return None
    loop = f"N_eps({case.w:.4g} - {case.c:.4g} round(h)), eps = 0.01, grid {case.grid:.3g}"
    return f"{loop}: |f - h| >= {residual:.3g} where f crosses"


FALSIFIERS = (
    RandomFalsifier(
        "inner_norm_without_epsilon",
        "every_epsilon",
        "some h has f(h) = h",
        _line,
        lambda case: case.inner > 0,
        _no_crossing,
    ),
    RandomFalsifier(
        "recall_too_weak",
        "dominates",
        "some state is fixed",
        lambda rng, keep: _circle(rng, keep, True),
        lambda case: case.beta > _real_sup(case),
        _nothing_fixed,
    ),
    RandomFalsifier(
        "bound_over_the_wrong_set",
        "state_space",
        "|B e| > sup|g| gives a fixed state",
        lambda rng, keep: _circle(rng, True, keep),
        lambda case: case.assumed >= _real_sup(case) * (1 - 1e-12),
        _nothing_fixed,
    ),
    RandomFalsifier(
        "rounded_state",
        "continuous",
        "some h has f(h) = h",
        _quantised,
        lambda case: case.grid == 0,
        _jumps,
    ),
)
