"""Families on which the classifier was never tuned: other maps than in `numerics.families`, each with its truth by theorem.

Run once after the classifier was frozen, and not tuned on: 96.95 % right of 4033, 98.27 % of the decided, no false fixed point. One
label was wrong and is mended: sinh (now cubic) overflows from a moderate state, which is `non-finite` by definition (68 orbits).
"""

from __future__ import annotations

import numpy as np

from numerics.families import WINDOWS, Draw, Family, Map, family_table, rational, turn
from numerics.loop import Array
from theory.outcome import Outcome

FRESH: dict[str, tuple[Outcome, Family]] = {}
_family = family_table(FRESH)


def _uniform(d: Draw, low: float, high: float) -> Array:
    return d.rng.uniform(low, high, d.size)


def _log(d: Draw, low: float, high: float) -> Array:
    return 10.0 ** _uniform(d, low, high)


def _unit(y: Array) -> Array:
    return y / np.linalg.norm(y, axis=-1, keepdims=True)


# --- fixed points ------------------------------------------------------------------------------------------------------
def _weighted_tanh(d: Draw) -> tuple[Map, Array]:
    m = d.rng.standard_normal((d.size, 6, 6))
    m *= ((1 - _log(d, -3, -0.3)) / np.linalg.norm(m, 2, axis=(1, 2)))[:, None, None]
    weights = 10.0 ** d.rng.uniform(-1, 1, (d.size, 6))
    m *= weights[:, None, :] / weights[:, :, None]
    b = d.normal(6)
    return (lambda y: np.tanh(np.einsum("bij,bj->bi", m, y) + b)), d.normal(6)


@_family("tanh network, weighted norm", Outcome.FIXED_POINT)
def _(d: Draw):
    """norm(D W D^-1) < 1 for a diagonal D: tanh acts by coordinates with slope at most 1, so Banach holds in that norm."""
    return _weighted_tanh(d)


@_family("tanh network in float32", Outcome.FIXED_POINT)
def _(d: Draw):
    """As above."""
    return _weighted_tanh(d)


@_family("post norm, kappa < 1", Outcome.FIXED_POINT)
def _(d: Draw):
    """N3: h' = N(A h + beta e) with beta > 2 norm(A) contracts on the sphere; three tokens of two coordinates, one A."""
    a = d.rng.standard_normal((d.size, 2, 2))
    a /= np.linalg.norm(a, 2, axis=(1, 2))[:, None, None]
    e = _unit(d.rng.standard_normal((d.size, 3, 2))) * _uniform(d, 2.05, 4)[:, None, None]

    def f(y: Array) -> Array:
        return _unit(np.einsum("bij,btj->bti", a, y.reshape(-1, 3, 2)) + e).reshape(-1, 6)

    return f, d.normal(6)


@_family("Henon, fixed point", Outcome.FIXED_POINT)
def _(d: Draw):
    """(1 - a x^2 + y, b x): attracting fixed point iff -(1 - b)^2 < 4a < 3 (1 - b)^2; started within 0.01 of it."""
    b = _uniform(d, -0.3, 0.3)
    a = _uniform(d, 0.1, 0.9) * 0.75 * (1 - b) ** 2
    x = (b - 1 + np.sqrt((1 - b) ** 2 + 4 * a)) / (2 * a)
    return _henon(a, b), np.stack((x, b * x), axis=1) + d.rng.uniform(-0.01, 0.01, (d.size, 2))


def _henon(a: Array, b: Array) -> Map:
    return lambda y: np.stack((1 - a * y[:, 0] ** 2 + y[:, 1], b * y[:, 0]), axis=1)


@_family("delayed logistic, fixed point", Outcome.FIXED_POINT)
def _(d: Draw):
    """(a x (1 - y), x): 1 - 1/a is attracting for 1 < a < 2, by a pair of modulus sqrt(a - 1) from a = 5/4 on; started near it."""
    a = _uniform(d, 1.3, 1.98)
    return (lambda y: np.stack((a * y[:, 0] * (1 - y[:, 1]), y[:, 0]), axis=1)), (1 - 1 / a)[:, None] + d.rng.uniform(
        -1e-3, 1e-3, (d.size, 2)
    )


@_family("Newton for a square root", Outcome.FIXED_POINT)
def _(d: Draw):
    """(h + c/h)/2 from h > 0 decreases to sqrt c from the first loop on, quadratically."""
    c = _uniform(d, 0.1, 50)[:, None]
    return (lambda y: 0.5 * (y + c / y)), _uniform(d, 0.1, 100)[:, None]


@_family("hyperbolic circle map", Outcome.FIXED_POINT)
def _(d: Draw):
    """The disk automorphism (z + c)/(c z + 1), 0 < c < 1: every point of the circle but -1 goes to 1, at the rate (1 - c)/(1 + c)."""
    return _moebius(np.ones(d.size), _log(d, -3, -0.1), np.ones(d.size)), _circle(_uniform(d, 0.3, 2.8))


def _circle(angle: Array) -> Array:
    return np.stack((np.cos(angle), np.sin(angle)), axis=1)


def _moebius(a: Array, b: Array, c: Array) -> Map:
    """z' = (a z + b)/(conj(b) z + conj(a)) c with abs a > abs b: maps the circle to itself."""

    def f(y: Array) -> Array:
        z = y[:, 0] + 1j * y[:, 1]
        w = c * (a * z + b) / (np.conj(b) * z + np.conj(a))
        return np.stack((w.real, w.imag), axis=1)

    return f


# --- critical ----------------------------------------------------------------------------------------------------------
@_family("tanh at its pitchfork", Outcome.CRITICAL)
def _(d: Draw):
    """tanh h = h - h^3/3 + ...: 0 attracts everything, like t^(-1/2); two coordinates."""
    return np.tanh, np.sign(d.normal(2)) * d.rng.uniform(0.3, 2, (d.size, 2))


@_family("logistic at 1 and 3", Outcome.CRITICAL)
def _(d: Draw):
    """r = 1: 0 attracts (0, 1) like 1/t. r = 3: 2/3 attracts, multiplier -1 and negative Schwarzian derivative, like t^(-1/2)."""
    r = d.rng.choice([1.0, 3.0], d.size)[:, None]
    return (lambda y: r * y * (1 - y)), _uniform(d, 0.2, 0.8)[:, None]


@_family("parabolic circle map", Outcome.CRITICAL)
def _(d: Draw):
    """Conjugate by (z - 1)/(z + 1) = i x to the translation x -> x/(1 + s x) of 1/x: 1 attracts from one side, like 1/t."""
    s = _uniform(d, 0.05, 1)
    return _moebius(1 + 0.5j * s, -0.5j * s, np.ones(d.size)), _circle(_uniform(d, 0.5, 2.5))


# --- drift ---------------------------------------------------------------------------------------------------------------
@_family("two tanh sub-blocks", Outcome.DRIFT)
def _(d: Draw):
    """R3 (b): each update b + tanh(M n(h)) has first coordinate at least b_1 - 1 > 0: no fixed point, linear growth."""
    m = 2 * d.rng.standard_normal((2, d.size, 4, 4))
    b = d.rng.standard_normal((2, d.size, 4))
    b[:, :, 0] = d.rng.uniform(1.3, 3, (2, d.size))

    def f(y: Array) -> Array:
        for i in range(2):
            y = y + b[i] + np.tanh(np.einsum("bij,bj->bi", m[i], _unit(y)))
        return y

    return f, d.normal(4)


def _helix(d: Draw) -> tuple[Map, Array]:
    c, angle = _uniform(d, 0.2, 2), _uniform(d, 0.1, 3)
    return (lambda y: np.concatenate((turn(y[:, :2], np.ones(d.size), angle), y[:, 2:] + c[:, None]), axis=1)), d.normal(3)


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
    c = _uniform(d, 0.3, 2)
    return (lambda y: np.stack((y[:, 0] + c + y[:, 1], -y[:, 1]), axis=1)), d.normal(2)


@_family("drift on chaos", Outcome.DRIFT)
def _(d: Draw):
    """(x + c + z, 4 z^3 - 3 z): the Chebyshev map is ergodic with mean 0, so x/t -> c from almost every start (Birkhoff)."""
    c = _uniform(d, 0.3, 2)
    return (lambda y: np.stack((y[:, 0] + c + y[:, 1], np.clip(4 * y[:, 1] ** 3 - 3 * y[:, 1], -1, 1)), axis=1)), np.stack(
        (d.normal(1)[:, 0], _uniform(d, -0.9, 0.9)), axis=1
    )


# --- polynomial growth -----------------------------------------------------------------------------------------------------
@_family("rotating Jordan block of size 3", Outcome.GROWTH)
def _(d: Draw):
    """A1: eigenvalues exp(+-i angle), each in one block of size 3: growth like t^2."""
    angle, one = _uniform(d, 0.1, 3), np.ones(d.size)

    def f(y: Array) -> Array:
        a, b, c = (turn(y[:, 2 * i : 2 * i + 2], one, angle) for i in range(3))
        return np.concatenate((a + y[:, 2:4], b + y[:, 4:6], c), axis=1)

    return f, d.normal(6)


@_family("quadratic shear", Outcome.GROWTH)
def _(d: Draw):
    """(x + y^2, y + c): x grows like c^2 t^3/3."""
    c = _uniform(d, 0.3, 2)
    return (lambda y: np.stack((y[:, 0] + y[:, 1] ** 2, y[:, 1] + c), axis=1)), d.normal(2)


@_family("square-root growth rate", Outcome.GROWTH)
def _(d: Draw):
    """h + a sqrt h from h > 0: h/t^2 -> a^2/4, since sqrt h gains a/2 + O(1/sqrt h) a loop."""
    a = _uniform(d, 0.3, 3)[:, None]
    return (lambda y: y + a * np.sqrt(np.abs(y))), _uniform(d, 0.5, 3)[:, None]


# --- explosion -------------------------------------------------------------------------------------------------------------
@_family("rotating Jordan block above 1", Outcome.EXPLOSION)
def _(d: Draw):
    """A1: a complex pair of modulus above 1 in blocks of size 2."""
    r, angle = 1 + _log(d, -2.3, 0), _uniform(d, 0.1, 3)

    def f(y: Array) -> Array:
        a, b = turn(y[:, :2], r, angle), turn(y[:, 2:], r, angle)
        return np.concatenate((a + y[:, 2:], b), axis=1)

    return f, d.normal(4)


@_family("growing flip", Outcome.EXPLOSION)
def _(d: Draw):
    """-(1 + s) h + c: the distance to the fixed point c/(2 + s) grows by 1 + s a loop."""
    r, c = 1 + _log(d, -2.3, 0)[:, None], d.normal(1)
    return (lambda y: c - r * y), 5 + d.normal(1)


@_family("external recall, rho(W_x) > 1", Outcome.EXPLOSION)
def _(d: Draw):
    """R2: h' = z + A n(z), z = W_x h + b, norm(A) = 1, W_x = diag(r, ...): x >= 4 (1 + abs b)/(r - 1) grows by (r + 1)/2 at least."""
    r = 1 + _log(d, -2, 0)
    w = np.concatenate((r[:, None], d.rng.uniform(-0.9, 0.9, (d.size, 3))), axis=1)
    b, a = d.normal(4), d.rng.standard_normal((d.size, 4, 4))
    a /= np.linalg.norm(a, 2, axis=(1, 2))[:, None, None]

    def f(y: Array) -> Array:
        z = w * y + b
        return z + np.einsum("bij,bj->bi", a, _unit(z))

    start = d.normal(4)
    start[:, 0] = 4 * (1 + np.linalg.norm(b, axis=1)) / (r - 1)
    return f, start


@_family("cubic", Outcome.EXPLOSION)
def _(d: Draw):
    """h + h^3/6 for h > 0: no bound, and in the end faster than geometric."""
    return (lambda y: y + y**3 / 6), _uniform(d, 0.3, 3)[:, None]


# --- cycles ----------------------------------------------------------------------------------------------------------------
def _permutation(d: Draw) -> tuple[Map, Array, Array]:
    q = d.rng.integers(2, 33, d.size)
    source, signs = np.tile(np.arange(32), (d.size, 1)), np.ones((d.size, 32))
    for i, n in enumerate(q):
        source[i, :n] = (np.arange(n) + 1) % n
        signs[i, d.rng.integers(n)] = -1  # one sign differs: the pattern has period n itself
    gain = _uniform(d, 1.05, 3)[:, None]
    y0 = signs * d.rng.uniform(0.1, 1, (d.size, 32))
    return (lambda y: np.tanh(gain * np.take_along_axis(y, source, axis=1))), y0, q


@_family("permutation with contraction", Outcome.CYCLE)
def _(d: Draw):
    """Coordinates move round a cycle of length q through tanh(g .), g > 1, which sends each to +-y*: a travelling pattern of signs."""
    return _permutation(d)


@_family("permutation in float32", Outcome.CYCLE)
def _(d: Draw):
    """As above."""
    return _permutation(d)


@_family("Henon, period 2", Outcome.CYCLE)
def _(d: Draw):
    """Attracting 2-cycle iff 3 (1 - b)^2/4 < a < (1 - b)^2 + (1 + b)^2/4, at the roots of a^2 x^2 - a (1 - b) x + (1 - b)^2 - a."""
    b = _uniform(d, -0.3, 0.3)
    low, high = 0.75 * (1 - b) ** 2, (1 - b) ** 2 + (1 + b) ** 2 / 4
    a = low + (high - low) * _uniform(d, 0.05, 0.95)
    root = np.sqrt(4 * a - 3 * (1 - b) ** 2)
    x, before = (1 - b + root) / (2 * a), (1 - b - root) / (2 * a)
    return _henon(a, b), np.stack((x, b * before), axis=1) + d.rng.uniform(-1e-4, 1e-4, (d.size, 2)), np.full(d.size, 2)


@_family("locked circle map", Outcome.CYCLE)
def _(d: Draw):
    """t + 1/2 - K/(2 pi) sin 2 pi t, 0 < K < 1, has the 2-cycle 0, 1/2 with multiplier 1 - K^2 and, by symmetry, rotation number 1/2."""
    k = _uniform(d, 0.2, 0.95)

    def f(y: Array) -> Array:
        t = np.arctan2(y[:, 1], y[:, 0])
        return _circle(t + np.pi - k * np.sin(t))

    return f, _circle(_uniform(d, 0.2, 1.3)), np.full(d.size, 2)


@_family("circle map conjugate to a rational rotation", Outcome.CYCLE)
def _(d: Draw):
    """A rotation by p/q seen through a disk automorphism: every orbit has period q."""
    q, angle = rational(d)
    return _elliptic(d, angle), _circle(_uniform(d, 0, 6)), q


def _elliptic(d: Draw, angle: Array) -> Map:
    """z -> m(exp(i angle) m^-1(z)) with m(z) = (z + c)/(c z + 1)."""
    c = _uniform(d, 0.1, 0.6)
    inside, outside = _moebius(np.ones(d.size), -c, np.exp(1j * angle)), _moebius(np.ones(d.size), c, np.ones(d.size))
    return lambda y: outside(inside(y))


@_family("coupled logistic maps", Outcome.CYCLE)
def _(d: Draw):
    """Mean coupling s of three maps: in step they follow the logistic cycle, multipliers m and (1 - s)^p m, both below 1; started near."""
    q = d.rng.choice([2, 4, 8], d.size)
    low, high = np.array([WINDOWS[int(p)] for p in q]).T
    r, s, x = low + (high - low) * _uniform(d, 0.1, 0.9), _uniform(d, 0.1, 0.6)[:, None], np.full(d.size, 0.3)
    for _ in range(20_000):
        x = r * x * (1 - x)

    def f(y: Array) -> Array:
        g = r[:, None] * y * (1 - y)
        return (1 - s) * g + s * g.mean(axis=1, keepdims=True)

    return f, x[:, None] + d.rng.uniform(-1e-4, 1e-4, (d.size, 3)), q


@_family("three tokens below the threshold", Outcome.CYCLE)
def _(d: Draw):
    """N3: each token goes to a 2-cycle of N(-h + beta e), 1 < beta < 2, from every state off the line of e."""
    e = _unit(d.rng.standard_normal((d.size, 3, 3))) * d.rng.uniform(1.1, 1.8, (d.size, 3, 1))
    return (lambda y: _unit(e - y.reshape(-1, 3, 3)).reshape(-1, 9)), d.normal(9), np.full(d.size, 2)


# --- aperiodic ---------------------------------------------------------------------------------------------------------------
@_family("cat map", Outcome.APERIODIC)
def _(d: Draw):
    """Hyperbolic automorphism of the torus: almost every orbit is dense."""
    return (lambda y: np.mod(np.stack((2 * y[:, 0] + y[:, 1], y[:, 0] + y[:, 1]), axis=1), 1)), d.rng.random((d.size, 2))


@_family("Neimark-Sacker with twist", Outcome.APERIODIC)
def _(d: Draw):
    """Time-one map of the normal form, r -> r exp(m)/sqrt(1 + r^2 (exp(2 m) - 1)), turned by w + k r^2: r = 1 attracts."""
    m, w, k = _log(d, -2.5, 0), _uniform(d, 0.1, 2), _uniform(d, -1, 1)

    def f(y: Array) -> Array:
        square = np.sum(y * y, axis=1)
        return turn(y, np.exp(m) / np.sqrt(1 + square * np.expm1(2 * m)), w + k * square)

    return f, d.normal(2)


@_family("circle map conjugate to an irrational rotation", Outcome.APERIODIC)
def _(d: Draw):
    """A rotation seen through a disk automorphism; the angle is irrational with probability 1."""
    return _elliptic(d, _uniform(d, 0.1, 3)), _circle(_uniform(d, 0, 6))


@_family("two frequencies", Outcome.APERIODIC)
def _(d: Draw):
    """Product of two rotations."""
    one, first, second = np.ones(d.size), _uniform(d, 0.1, 3), _uniform(d, 0.1, 3)
    return (lambda y: np.concatenate((turn(y[:, :2], one, first), turn(y[:, 2:], one, second)), axis=1)), d.normal(4)


@_family("intermittent, two branches", Outcome.APERIODIC)
def _(d: Draw):
    """Liverani, Saussol and Vaienti 1999: x (1 + (2x)^a) below 1/2, 2x - 1 above; ergodic with a density for a < 1."""
    a = _uniform(d, 0.3, 0.7)[:, None]
    return (lambda y: np.clip(np.where(y < 0.5, y * (1 + (2 * np.abs(y)) ** a), 2 * y - 1), 0, 1)), _uniform(d, 0.1, 0.9)[:, None]


@_family("driven by chaos", Outcome.APERIODIC)
def _(d: Draw):
    """(s y + z, 2 z^2 - 1): a contraction driven by an ergodic map."""
    s = _uniform(d, 0.1, 0.99)
    return (lambda y: np.stack((s * y[:, 0] + y[:, 1], np.clip(2 * y[:, 1] ** 2 - 1, -1, 1)), axis=1)), d.rng.uniform(
        -0.9, 0.9, (d.size, 2)
    )


# --- non-finite ------------------------------------------------------------------------------------------------------------
@_family("logarithm of 1 + h", Outcome.NON_FINITE)
def _(d: Draw):
    """log(1 + h) - c <= h - c: falls to -1 or below."""
    c = _uniform(d, 0.3, 2)[:, None]
    return (lambda y: np.log(1 + y) - c), _uniform(d, 1, 20)[:, None]


@_family("fractional power", Outcome.NON_FINITE)
def _(d: Draw):
    """(h - c)^(3/2) <= h - c for h - c <= 1: falls below c."""
    c = _uniform(d, 0.1, 0.4)[:, None]
    return (lambda y: (y - c) ** 1.5), _uniform(d, 0.5, 1)[:, None]
