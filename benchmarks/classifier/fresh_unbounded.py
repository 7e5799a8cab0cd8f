"""Fresh families whose orbits leave every bound: drift, polynomial growth, explosion.

They are part of `classifier.fresh.FRESH`.
"""

from __future__ import annotations

import numpy as np

from loopstab.numerics.arrays import Array
from loopstab.theory.outcome import Outcome

from .family import Draw, Families, Map, family_table, turn, unit

FRESH_UNBOUNDED: Families = {}
_family = family_table(FRESH_UNBOUNDED)


# --- drift
@_family("two tanh sub-blocks", Outcome.DRIFT)
def _(d: Draw):
    """R3 (b): each update b + tanh(M n(h)) has first coordinate at least b_1 - 1 > 0: no fixed
    point, linear growth.
    """
    m = 2 * d.rng.standard_normal((2, d.size, 4, 4))
    b = d.rng.standard_normal((2, d.size, 4))
    b[:, :, 0] = d.rng.uniform(1.3, 3, (2, d.size))

    def f(y: Array) -> Array:
        for i in range(2):
            y = y + b[i] + np.tanh(np.einsum("bij,bj->bi", m[i], unit(y)))
        return y

    return f, d.normal(4)


def _helix(d: Draw) -> tuple[Map, Array]:
    c, angle = d.uniform(0.2, 2), d.uniform(0.1, 3)

    def f(y: Array) -> Array:
        turned = turn(y[:, :2], np.ones(d.size), angle)
        return np.concatenate((turned, y[:, 2:] + c[:, None]), axis=1)

    return f, d.normal(3)


@_family("helix", Outcome.DRIFT)
def _(d: Draw):
    """A rotation beside a translation: the norm grows like c t."""
    return _helix(d)


@_family("helix in float32", Outcome.DRIFT)
def _(d: Draw):
    """As above."""
    return _helix(d)


@_family("drift on a flip", Outcome.DRIFT)
def _(d: Draw):
    """(x + c + y, -y): two loops add 2c."""
    c = d.uniform(0.3, 2)
    return (lambda y: np.stack((y[:, 0] + c + y[:, 1], -y[:, 1]), axis=1)), d.normal(2)


@_family("drift on chaos", Outcome.DRIFT)
def _(d: Draw):
    """(x + c + z, 4 z^3 - 3 z): the Chebyshev map is ergodic with mean 0, so x/t -> c from almost
    every start (Birkhoff).
    """
    c = d.uniform(0.3, 2)

    def f(y: Array) -> Array:
        x, z = y.T
        return np.stack((x + c + z, np.clip(4 * z**3 - 3 * z, -1, 1)), axis=1)

    return f, np.stack((d.normal(1)[:, 0], d.uniform(-0.9, 0.9)), axis=1)


# --- polynomial growth
@_family("rotating Jordan block of size 3", Outcome.GROWTH)
def _(d: Draw):
    """A1: eigenvalues exp(+-i angle), each in one block of size 3: growth like t^2."""
    angle, one = d.uniform(0.1, 3), np.ones(d.size)

    def f(y: Array) -> Array:
        a, b, c = (turn(y[:, 2 * i : 2 * i + 2], one, angle) for i in range(3))
        return np.concatenate((a + y[:, 2:4], b + y[:, 4:6], c), axis=1)

    return f, d.normal(6)


@_family("quadratic shear", Outcome.GROWTH)
def _(d: Draw):
    """(x + y^2, y + c): x grows like c^2 t^3/3."""
    c = d.uniform(0.3, 2)
    return (lambda y: np.stack((y[:, 0] + y[:, 1] ** 2, y[:, 1] + c), axis=1)), d.normal(2)


@_family("square-root growth rate", Outcome.GROWTH)
def _(d: Draw):
    """h + a sqrt h from h > 0: h/t^2 -> a^2/4, since sqrt h gains a/2 + O(1/sqrt h) a loop."""
    a = d.uniform(0.3, 3)[:, None]
    return (lambda y: y + a * np.sqrt(np.abs(y))), d.uniform(0.5, 3)[:, None]


# --- explosion
@_family("rotating Jordan block above 1", Outcome.EXPLOSION)
def _(d: Draw):
    """A1: a complex pair of modulus above 1 in blocks of size 2."""
    r, angle = 1 + 10.0 ** d.uniform(-2.3, 0), d.uniform(0.1, 3)

    def f(y: Array) -> Array:
        a, b = turn(y[:, :2], r, angle), turn(y[:, 2:], r, angle)
        return np.concatenate((a + y[:, 2:], b), axis=1)

    return f, d.normal(4)


@_family("growing flip", Outcome.EXPLOSION)
def _(d: Draw):
    """-(1 + s) h + c: the distance to the fixed point c/(2 + s) grows by 1 + s a loop."""
    r, c = 1 + 10.0 ** d.uniform(-2.3, 0)[:, None], d.normal(1)
    return (lambda y: c - r * y), 5 + d.normal(1)


@_family("external recall, rho(W_x) > 1", Outcome.EXPLOSION)
def _(d: Draw):
    """R2: h' = z + A n(z), z = W_x h + b, norm(A) = 1, W_x = diag(r, ...): x >= 4 (1 + abs b)/(r -
    1) grows by (r + 1)/2 at least.
    """
    r = 1 + 10.0 ** d.uniform(-2, 0)
    w = np.concatenate((r[:, None], d.rng.uniform(-0.9, 0.9, (d.size, 3))), axis=1)
    b, a = d.normal(4), d.rng.standard_normal((d.size, 4, 4))
    a /= np.linalg.norm(a, 2, axis=(1, 2))[:, None, None]

    def f(y: Array) -> Array:
        z = w * y + b
        return z + np.einsum("bij,bj->bi", a, unit(z))

    start = d.normal(4)
    start[:, 0] = 4 * (1 + np.linalg.norm(b, axis=1)) / (r - 1)
    return f, start


@_family("cubic", Outcome.EXPLOSION)
def _(d: Draw):
    """h + h^3/6 for h > 0: no bound, and in the end faster than geometric."""
    return (lambda y: y + y**3 / 6), d.uniform(0.3, 3)[:, None]
