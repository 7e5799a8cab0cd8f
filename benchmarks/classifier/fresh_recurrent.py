"""Fresh families whose orbits stay bounded and never settle: cycles, aperiodic orbits.

They are part of `classifier.fresh.FRESH`.
"""

from __future__ import annotations

import numpy as np

from loopstab.numerics.arrays import Array
from loopstab.theory.outcome import Outcome

from .family import (
    WINDOWS,
    Draw,
    Families,
    Map,
    circle,
    family_table,
    henon,
    moebius,
    rational,
    turn,
    unit,
)

FRESH_RECURRENT: Families = {}
_family = family_table(FRESH_RECURRENT)


# --- cycles
def _permutation(d: Draw) -> tuple[Map, Array, Array]:
    q = d.rng.integers(2, 33, d.size)
    source, signs = np.tile(np.arange(32), (d.size, 1)), np.ones((d.size, 32))
    for i, n in enumerate(q):
        source[i, :n] = (np.arange(n) + 1) % n
        signs[i, d.rng.integers(n)] = -1  # one sign differs: the pattern has period n itself
    gain = d.uniform(1.05, 3)[:, None]
    y0 = signs * d.rng.uniform(0.1, 1, (d.size, 32))
    return (lambda y: np.tanh(gain * np.take_along_axis(y, source, axis=1))), y0, q


@_family("permutation with contraction", Outcome.CYCLE)
def _(d: Draw):
    """Coordinates move round a cycle of length q through tanh(g .), g > 1, which sends each to
    +-y*: a travelling pattern of signs.
    """
    return _permutation(d)


@_family("permutation in float32", Outcome.CYCLE)
def _(d: Draw):
    """As above."""
    return _permutation(d)


@_family("Henon, period 2", Outcome.CYCLE)
def _(d: Draw):
    """Attracting 2-cycle iff 3 (1 - b)^2/4 < a < (1 - b)^2 + (1 + b)^2/4, at the roots of a^2 x^2 -
    a (1 - b) x + (1 - b)^2 - a.
    """
    b = d.uniform(-0.3, 0.3)
    low, high = 0.75 * (1 - b) ** 2, (1 - b) ** 2 + (1 + b) ** 2 / 4
    a = low + (high - low) * d.uniform(0.05, 0.95)
    root = np.sqrt(4 * a - 3 * (1 - b) ** 2)
    x, before = (1 - b + root) / (2 * a), (1 - b - root) / (2 * a)
    start = np.stack((x, b * before), axis=1) + d.rng.uniform(-1e-4, 1e-4, (d.size, 2))
    return henon(a, b), start, np.full(d.size, 2)


@_family("locked circle map", Outcome.CYCLE)
def _(d: Draw):
    """t + 1/2 - K/(2 pi) sin 2 pi t, 0 < K < 1, has the 2-cycle 0, 1/2 with multiplier 1 - K^2 and,
    by symmetry, rotation number 1/2.
    """
    k = d.uniform(0.2, 0.95)

    def f(y: Array) -> Array:
        t = np.arctan2(y[:, 1], y[:, 0])
        return circle(t + np.pi - k * np.sin(t))

    return f, circle(d.uniform(0.2, 1.3)), np.full(d.size, 2)


@_family("circle map conjugate to a rational rotation", Outcome.CYCLE)
def _(d: Draw):
    """A rotation by p/q seen through a disk automorphism: every orbit has period q."""
    q, angle = rational(d)
    return _elliptic(d, angle), circle(d.uniform(0, 6)), q


def _elliptic(d: Draw, angle: Array) -> Map:
    """z -> m(exp(i angle) m^-1(z)) with m(z) = (z + c)/(c z + 1)."""
    c = d.uniform(0.1, 0.6)
    one = np.ones(d.size)
    inside, outside = moebius(one, -c, np.exp(1j * angle)), moebius(one, c, one)
    return lambda y: outside(inside(y))


@_family("coupled logistic maps", Outcome.CYCLE)
def _(d: Draw):
    """Mean coupling s of three maps: in step they follow the logistic cycle, multipliers m and (1 -
    s)^p m, both below 1; started near.
    """
    q = d.rng.choice([2, 4, 8], d.size)
    low, high = np.array([WINDOWS[int(p)] for p in q]).T
    r, s = low + (high - low) * d.uniform(0.1, 0.9), d.uniform(0.1, 0.6)[:, None]
    x = np.full(d.size, 0.3)
    for _ in range(20_000):
        x = r * x * (1 - x)

    def f(y: Array) -> Array:
        g = r[:, None] * y * (1 - y)
        return (1 - s) * g + s * g.mean(axis=1, keepdims=True)

    return f, x[:, None] + d.rng.uniform(-1e-4, 1e-4, (d.size, 3)), q


@_family("three tokens below the threshold", Outcome.CYCLE)
def _(d: Draw):
    """N3: each token goes to a 2-cycle of N(-h + beta e), 1 < beta < 2, from every state off the
    line of e.
    """
    e = unit(d.rng.standard_normal((d.size, 3, 3))) * d.rng.uniform(1.1, 1.8, (d.size, 3, 1))
    return (lambda y: unit(e - y.reshape(-1, 3, 3)).reshape(-1, 9)), d.normal(9), np.full(d.size, 2)


# --- aperiodic
@_family("cat map", Outcome.APERIODIC)
def _(d: Draw):
    """Hyperbolic automorphism of the torus: almost every orbit is dense."""
    matrix = np.array([[2, 1], [1, 1]])
    return (lambda y: np.mod(y @ matrix, 1)), d.rng.random((d.size, 2))


@_family("Neimark-Sacker with twist", Outcome.APERIODIC)
def _(d: Draw):
    """Time-one map of the normal form, r -> r exp(m)/sqrt(1 + r^2 (exp(2 m) - 1)), turned by w + k
    r^2: r = 1 attracts.
    """
    m, w, k = 10.0 ** d.uniform(-2.5, 0), d.uniform(0.1, 2), d.uniform(-1, 1)

    def f(y: Array) -> Array:
        square = np.sum(y * y, axis=1)
        return turn(y, np.exp(m) / np.sqrt(1 + square * np.expm1(2 * m)), w + k * square)

    return f, d.normal(2)


@_family("circle map conjugate to an irrational rotation", Outcome.APERIODIC)
def _(d: Draw):
    """A rotation seen through a disk automorphism; the angle is irrational with probability 1."""
    return _elliptic(d, d.uniform(0.1, 3)), circle(d.uniform(0, 6))


@_family("two frequencies", Outcome.APERIODIC)
def _(d: Draw):
    """Product of two rotations."""
    one, first, second = np.ones(d.size), d.uniform(0.1, 3), d.uniform(0.1, 3)

    def f(y: Array) -> Array:
        return np.concatenate((turn(y[:, :2], one, first), turn(y[:, 2:], one, second)), axis=1)

    return f, d.normal(4)


@_family("intermittent, two branches", Outcome.APERIODIC)
def _(d: Draw):
    """Liverani, Saussol and Vaienti 1999: x (1 + (2x)^a) below 1/2, 2x - 1 above; ergodic with a
    density for a < 1.
    """
    a = d.uniform(0.3, 0.7)[:, None]

    def f(y: Array) -> Array:
        return np.clip(np.where(y < 0.5, y * (1 + (2 * np.abs(y)) ** a), 2 * y - 1), 0, 1)

    return f, d.uniform(0.1, 0.9)[:, None]


@_family("driven by chaos", Outcome.APERIODIC)
def _(d: Draw):
    """(s y + z, 2 z^2 - 1): a contraction driven by an ergodic map."""
    s = d.uniform(0.1, 0.99)

    def f(y: Array) -> Array:
        return np.stack((s * y[:, 0] + y[:, 1], np.clip(2 * y[:, 1] ** 2 - 1, -1, 1)), axis=1)

    return f, d.rng.uniform(-0.9, 0.9, (d.size, 2))
