"""Normal forms whose orbits leave every bound: drift, polynomial growth, explosion.

They are part of `classifier.known.FAMILIES`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from loopstab.numerics.arrays import Array
from loopstab.theory.outcome import Outcome

from .family import Draw, Families, Map, family_table, jordan, turn, unit

UNBOUNDED: Families = {}
_family = family_table(UNBOUNDED)


# --- drift: h + u(direction), or a Jordan block of size 2
def _planar(d: Draw, radial: Callable[[Array], Array], turning: Array) -> tuple[Map, Array]:
    def f(y: Array) -> Array:
        n = unit(y)
        return y + radial(n)[:, None] * n + turning[:, None] * np.stack((-n[:, 1], n[:, 0]), axis=1)

    return f, d.normal(2)


@_family("constant step", Outcome.DRIFT)
def _(d: Draw):
    c = d.normal(3) * d.log(-1, 1, -0.8, 1.2)[:, None]
    return (lambda y: y + c), d.normal(3)


@_family("settling direction", Outcome.DRIFT)
def _(d: Draw):
    m, b = d.rng.standard_normal((d.size, 3, 3)), d.normal(3)
    # R3 (b): abs(m n) < abs(b)
    size = d.u(0.1, 0.8, 0.2, 0.9) * np.linalg.norm(b, axis=1)
    m *= (size / np.linalg.norm(m, 2, axis=(1, 2)))[:, None, None]
    return (lambda y: y + b + np.einsum("bij,bj->bi", m, unit(y))), d.normal(3)


@_family("turning direction", Outcome.DRIFT)
def _(d: Draw):
    a = d.u(0.3, 2, 0.4, 1.5)
    return _planar(d, lambda n: a, a * d.u(0.2, 3, 0.3, 4))


@_family("log-periodic", Outcome.DRIFT)
def _(d: Draw):
    a = d.u(0.2, 0.8, 0.3, 0.7)
    return _planar(d, lambda n: 1 + a * n[:, 0], d.u(2, 5, 3, 6))


@_family("Jordan block of size 2", Outcome.DRIFT)
def _(d: Draw):
    return jordan(np.ones(d.size), 2), d.normal(2)


@_family("after a saddle, drifting", Outcome.DRIFT)
def _(d: Draw):
    a = d.u(0.2, 1, 0.25, 2)[:, None]
    return (lambda y: y + a * y / (1 + np.abs(y))), d.log(-12, -2, -10, -3)[:, None]


@_family("drift in float32", Outcome.DRIFT)
def _(d: Draw):
    c = d.normal(2)
    return (lambda y: y + c), d.normal(2)


# --- polynomial growth
@_family("Jordan block of size 3", Outcome.GROWTH)
def _(d: Draw):
    return jordan(np.ones(d.size), 3, d.u(0.5, 1.5, 0.3, 2)), d.normal(3)


@_family("Jordan block of size 4", Outcome.GROWTH)
def _(d: Draw):
    return jordan(np.ones(d.size), 4, d.u(0.5, 1.5, 0.3, 2)), d.normal(4)


@_family("Jordan block of size 2, forced", Outcome.GROWTH)
def _(d: Draw):
    c = np.sign(d.normal(1)) * d.u(0.3, 2, 0.2, 3)[:, None]
    return (lambda y: np.concatenate((y[:, :1] + y[:, 1:], y[:, 1:] + c), axis=1)), d.normal(2)


# --- explosion
@_family("real growth", Outcome.EXPLOSION)
def _(d: Draw):
    r = 1 + d.log(-2.3, 0.3, -2.2, 0.5)
    return (lambda y: r[:, None] * y), d.normal(1)


@_family("spiral growth", Outcome.EXPLOSION)
def _(d: Draw):
    r, angle = 1 + d.log(-2.3, 0.3, -2.2, 0.5), d.u(0.1, 3.1, 0.2, 3)
    return (lambda y: turn(y, r, angle)), d.normal(2)


@_family("Jordan block above 1", Outcome.EXPLOSION)
def _(d: Draw):
    return jordan(1 + d.log(-2, 0, -1.9, 0.3), 3), d.normal(3)


@_family("W_x beats a bounded update", Outcome.EXPLOSION)
def _(d: Draw):
    r, angle, b = 1 + d.log(-1.8, 0, -1.7, 0.2), d.u(0.1, 3.1, 0.2, 3), d.normal(2)
    start = d.normal(2) + 5 / (r - 1)[:, None]  # R2: outside the radius sqrt 2/(r - 1)
    return (lambda y: turn(y, r, angle) + np.tanh(y + b)), start


@_family("squaring", Outcome.EXPLOSION)
def _(d: Draw):
    return (lambda y: y * y), d.u(1.1, 3, 1.2, 4)[:, None]


@_family("after a saddle, exploding", Outcome.EXPLOSION)
def _(d: Draw):
    r = 1 + d.log(-1.3, 0, -1.2, 0.2)
    start = np.stack((d.u(1, 2, 1, 3), d.log(-12, -2, -14, -3)), axis=1)
    return (lambda y: np.stack((0.5 * y[:, 0], r * y[:, 1]), axis=1)), start
