"""Attacks on the planar part of R4: strong resonance, and a vanishing Lyapunov coefficient."""

from __future__ import annotations

import cmath
import math
import random
from typing import NamedTuple

from ...formulas import formula
from ...kernel.random_falsifier import RandomFalsifier

BEYOND = 0.01
"""relative distance of the parameters beyond the crossing"""


ZERO = 1e-9
"""a computed number below this counts as zero"""
ESCAPED = 100
"""an orbit with |z| beyond this escapes"""
FEW = 100
"""fewer different states than this among the last 500 are a cycle, not a curve"""
TOLERANCE = 0.15
"""relative deviation of |z|^2 from its leading order, 1 % beyond the crossing"""


class _Plane(NamedTuple):
    """The loop 1 % beyond its crossing.

    `coefficient` is the first Lyapunov coefficient a at the crossing, `cosine` the real part of the
    multiplier there.
    """

    external: bool
    x: float
    y: float
    phi: float
    coefficient: float
    cosine: float


def _internal(rng: random.Random, keep: bool) -> _Plane:
    # (x y)^2 = 2 at the crossing means mu = i
    square = rng.choice((0.3, 0.8, 1.3, 2.5, 3.4)) if keep else 2.0
    product, x = math.sqrt(square), rng.uniform(0.5, 1.5)
    coefficient = float(formula("planar_lyapunov_internal")(x, product))
    y, phi = product * (1 + BEYOND) / x, math.acos(-product / 2)
    return _Plane(False, x, y, phi, coefficient, 1 - square / 2)


def _external(rng: random.Random, keep: bool) -> _Plane:
    phi = rng.uniform(1.8, 2.4)
    y = -math.cos(phi) + (rng.uniform(0.3, 0.6) if keep else 0.0)
    x = 1 / abs(1 + y * cmath.exp(1j * phi))
    coefficient = float(formula("planar_lyapunov_external")(x, y))
    return _Plane(True, x * (1 + BEYOND), y, phi, coefficient, x * (1 + y * math.cos(phi)))


def _orbit(case: _Plane, loops: int, state: complex) -> list[complex]:
    turn, states = case.y * cmath.exp(1j * case.phi), []
    for _ in range(loops):
        inner = complex(math.tanh(case.x * state.real), math.tanh(case.x * state.imag))
        state = (case.x * state if case.external else state) + turn * inner
        states.append(state)
        if abs(state) > ESCAPED:
            break
    return states


def _no_curve(case: _Plane) -> str | None:
    """The last 500 states of the orbit do not fill a closed curve.

    On the curve they are all different, with |z|^2 near (1 - |mu|)/a.
    """
    states = _orbit(case, 6000, 0.2 + 0.1j)
    recall = "external" if case.external else "internal"
    where = f"{recall}, x = {case.x:.4g}, y = {case.y:.4g}, phi = {case.phi:.4g}"
    if abs(states[-1]) > ESCAPED:
        return f"{where}: the orbit escapes, |z| > {ESCAPED} after {len(states)} loops"
    last = states[-500:]
    different = len({(round(z.real, 6), round(z.imag, 6)) for z in last})
    turn = case.y * cmath.exp(1j * case.phi)
    modulus = abs(case.x * (1 + turn) if case.external else 1 + case.x * turn)
    expected = (1 - modulus) / case.coefficient
    found = sum(abs(z) ** 2 for z in last) / len(last)
    if different >= FEW and abs(found / expected - 1) <= TOLERANCE:
        return None
    return (
        f"{where}: {different} different states, mean |z|^2 = {found:.4g}, the closed curve has"
        f" {expected:.4g}"
    )


def _resonant(case: _Plane) -> bool:
    return any(abs(case.cosine - value) < ZERO for value in (1, -1, -0.5, 0))


FALSIFIERS = (
    RandomFalsifier(
        "strong_resonance",
        "nonresonant",
        "1 % beyond the crossing the orbit fills a closed curve of the predicted size",
        _internal,
        lambda case: not _resonant(case),
        _no_curve,
        trials=5,
    ),
    RandomFalsifier(
        "vanishing_coefficient",
        "nondegenerate",
        "1 % beyond the crossing the orbit fills a closed curve of the predicted size",
        _external,
        lambda case: abs(case.coefficient) > ZERO,
        _no_curve,
        trials=5,
    ),
)
