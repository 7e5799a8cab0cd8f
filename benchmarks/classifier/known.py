"""The families that the classifier was built with: normal forms of known long-run behaviour.

The first range of every draw belongs to the set `built with`, the second to `other ranges`.
"""

from __future__ import annotations

import numpy as np

from loopstab.numerics.arrays import Array
from loopstab.theory.outcome import Outcome

from .family import WINDOWS, Draw, Families, family_table, jordan, rational, turn, unit
from .known_unbounded import UNBOUNDED

FAMILIES: Families = dict(UNBOUNDED)
_family = family_table(FAMILIES)


# --- fixed points: spectral radius below 1, or a strict contraction
@_family("real rate", Outcome.FIXED_POINT)
def _(d: Draw):
    r = 1 - d.log(-4, -0.1, -3.7, -0.05)
    return (lambda y: r[:, None] * y), d.normal(1)


@_family("complex pair", Outcome.FIXED_POINT)
def _(d: Draw):
    r, angle = 1 - d.log(-4, -0.1, -3.7, -0.05), d.u(0.1, 3.1, 0.2, 3.0)
    return (lambda y: turn(y, r, angle)), d.normal(2)


@_family("non-normal transient", Outcome.FIXED_POINT)
def _(d: Draw):
    size = 5 if d.held_out else 4
    return jordan(1 - d.log(-2, -0.3, -1.8, -0.5), size, d.u(0.1, 3, 0.05, 2)), d.normal(size)


@_family("tanh contraction", Outcome.FIXED_POINT)
def _(d: Draw):
    m = d.rng.standard_normal((d.size, 3, 3))
    m *= (d.u(0.3, 0.995, 0.2, 0.99) / np.linalg.norm(m, 2, axis=(1, 2)))[:, None, None]
    b = d.normal(3)
    return (lambda y: np.tanh(np.einsum("bij,bj->bi", m, y) + b)), d.normal(3)


@_family("nearly critical", Outcome.FIXED_POINT)
def _(d: Draw):
    small = d.log(-2.8, -1, -2.6, -0.8)
    return (lambda y: (1 - small[:, None]) * y - 0.3 * y**3), np.clip(d.normal(1), -1, 1)


@_family("after a saddle", Outcome.FIXED_POINT)
def _(d: Draw):
    a = d.u(0.06, 0.9, 0.08, 0.8)[:, None]
    return (lambda y: y + a * y * (1 - y)), d.log(-12, -2, -14, -3)[:, None]


@_family("contraction in float32", Outcome.FIXED_POINT)
def _(d: Draw):
    r, angle = d.u(0.1, 0.99, 0.2, 0.985), d.u(0, 3.1, 0.2, 3.0)
    return (lambda y: turn(y, r, angle)), d.normal(2)


# --- critical: y - a y^(k+1) + ... falls like t^(-1/k)
@_family("odd power", Outcome.CRITICAL)
def _(d: Draw):
    a, k = d.u(0.1, 0.4, 0.05, 0.5)[:, None], (2 * d.rng.integers(1, 3, d.size))[:, None]
    return (lambda y: y - a * y * np.abs(y) ** k), np.clip(np.abs(d.normal(1)), 0.5, 1)


@_family("one-sided square", Outcome.CRITICAL)
def _(d: Draw):
    a = d.u(0.1, 0.5, 0.05, 0.6)[:, None]
    return (lambda y: y - a * y * np.abs(y)), np.clip(np.abs(d.normal(1)), 0.3, 1)


@_family("neutral flip", Outcome.CRITICAL)
def _(d: Draw):
    a = d.u(0.1, 0.4, 0.15, 0.5)[:, None]
    return (lambda y: -y + a * y**3), np.clip(np.abs(d.normal(1)), 0.5, 1)


@_family("neutral spiral", Outcome.CRITICAL)
def _(d: Draw):
    a, angle = d.u(0.1, 0.4, 0.15, 0.5), d.u(0.3, 2.8, 0.4, 3)
    start = np.clip(np.abs(d.normal(2)), 0.5, 0.8)
    return (lambda y: turn(y, 1 - a * np.sum(y**2, axis=1), angle)), start


@_family("after a saddle, neutral", Outcome.CRITICAL)
def _(d: Draw):
    a = d.u(0.1, 0.8, 0.15, 0.7)[:, None]
    return (lambda y: y + a * y * (1 - y) ** 3), d.log(-8, -2, -6, -3)[:, None]


# --- cycles
@_family("rational rotation", Outcome.CYCLE)
def _(d: Draw):
    q, angle = rational(d)
    return (lambda y: turn(y, np.ones(d.size), angle)), d.normal(2), q


@_family("attracting circle, rational", Outcome.CYCLE)
def _(d: Draw):
    (q, angle), a = rational(d), d.u(0.05, 0.6, 0.04, 0.5)
    start = d.normal(2) * d.log(-9, 0, -8, -0.5)[:, None]
    start /= np.maximum(np.linalg.norm(start, axis=1, keepdims=True), 1)
    return (lambda y: turn(y, 1 + a * (1 - np.sum(y**2, axis=1)), angle)), start, q


@_family("logistic window", Outcome.CYCLE)
def _(d: Draw):
    q = d.rng.choice(list(WINDOWS), d.size)
    low, high = np.array([WINDOWS[int(p)] for p in q]).T
    r = (low + (high - low) * d.u(0.08, 0.92, 0.12, 0.88))[:, None]
    return (lambda y: r * y * (1 - y)), d.u(0.1, 0.9, 0.2, 0.8)[:, None], q


@_family("outer norm below its threshold", Outcome.CYCLE)
def _(d: Draw):
    # N3: 2-cycles of N(-h + beta e) at cos = beta/2
    beta, e = d.u(1.1, 1.8, 1.2, 1.7)[:, None], np.array([1.0, 0, 0])
    return (lambda y: unit(-y + beta * e)), d.normal(3), np.full(d.size, 2)


@_family("cycle in float32", Outcome.CYCLE)
def _(d: Draw):
    (q, angle), a = rational(d), d.u(0.1, 0.6, 0.15, 0.5)
    return (lambda y: turn(y, 1 + a * (1 - np.sum(y**2, axis=1)), angle)), d.normal(2) / 4, q


# --- aperiodic
@_family("irrational rotation", Outcome.APERIODIC)
def _(d: Draw):
    angle = d.u(0.1, 3.1, 0.2, 3)
    return (lambda y: turn(y, np.ones(d.size), angle)), d.normal(2)


@_family("almost rational rotation", Outcome.APERIODIC)
def _(d: Draw):
    angle = rational(d)[1] + d.log(-4, -2, -3.7, -2.3)
    return (lambda y: turn(y, np.ones(d.size), angle)), d.normal(2)


@_family("attracting circle, irrational", Outcome.APERIODIC)
def _(d: Draw):
    angle, a = d.u(0.1, 3.1, 0.2, 3), d.u(0.05, 0.6, 0.04, 0.5)
    start = np.clip(d.normal(2), -1, 1) * d.log(-9, -0.3, -8, -0.5)[:, None]
    return (lambda y: turn(y, 1 + a * (1 - np.sum(y**2, axis=1)), angle)), start


@_family("Chebyshev", Outcome.APERIODIC)
def _(d: Draw):
    k = d.rng.integers(2, 7, d.size)[:, None]  # conjugate to the piecewise linear map of slope k
    return (lambda y: np.cos(k * np.arccos(np.clip(y, -1, 1)))), d.u(-0.9, 0.9, -0.8, 0.8)[:, None]


@_family("Lozi", Outcome.APERIODIC)
def _(d: Draw):
    # a hyperbolic attractor, Misiurewicz 1980
    a, b = d.u(1.65, 1.7, 1.6, 1.65), d.u(0.2, 0.3, 0.15, 0.2)

    def f(y: Array) -> Array:
        return np.stack((1 - a * np.abs(y[:, 0]) + y[:, 1], b * y[:, 0]), axis=1)

    return f, 0.1 * d.normal(2)


@_family("intermittent", Outcome.APERIODIC)
def _(d: Draw):
    # Pomeau-Manneville: exact, hence aperiodic from almost every start
    power = 1 + d.u(0.3, 0.8, 0.4, 0.7)[:, None]
    return (lambda y: np.mod(np.abs(y) + np.abs(y) ** power, 1)), d.u(0.1, 0.9, 0.2, 0.8)[:, None]


# --- non-finite: leaves the domain from a state of moderate size
@_family("logarithm", Outcome.NON_FINITE)
def _(d: Draw):
    return np.log, d.u(0.5, 20, 1, 30)[:, None]  # y - log y >= 1: it falls below 0


@_family("square root", Outcome.NON_FINITE)
def _(d: Draw):
    c = d.u(0.3, 2, 0.4, 3)[:, None]  # no fixed point: sqrt(y - c) < y
    return (lambda y: np.sqrt(y - c)), d.u(1, 20, 2, 30)[:, None]
