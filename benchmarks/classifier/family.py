"""What a family of orbits with known outcome is, and the building blocks of its maps.

A family is a function of a `Draw` that returns a map f on states of shape (size, k), the initial
states, and for cycles the periods. Its entry in a table holds its name and the outcome of all its
orbits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from loopstab.numerics.arrays import Array
from loopstab.theory.outcome import Outcome

Map = Callable[[Array], Array]
WINDOWS = {
    2: (3.0, 1 + 6**0.5),
    4: (1 + 6**0.5, 3.5440903596),
    8: (3.5440903596, 3.5644072661),
    16: (3.5644072661, 3.5687594196),
}
"""The logistic parameters with an attracting cycle of that period, which attracts almost every
initial state (Singer 1978).
"""


@dataclass
class Draw:
    """The random parameters of `size` orbits.

    Args:
        rng: the generator.
        held_out: whether `u` and `log` draw from their second range.
        size: the number of orbits.
    """

    rng: np.random.Generator
    held_out: bool
    size: int

    def uniform(self, low: float, high: float) -> Array:
        """Uniform in [low, high], of shape (size,), in every set."""
        return self.rng.uniform(low, high, self.size)

    def u(self, low: float, high: float, low2: float, high2: float) -> Array:
        """Uniform in [low, high], or in [low2, high2] if held out, of shape (size,)."""
        return self.uniform(low2, high2) if self.held_out else self.uniform(low, high)

    def log(self, low: float, high: float, low2: float, high2: float) -> Array:
        """10 to the power of `u`, of shape (size,)."""
        return 10.0 ** self.u(low, high, low2, high2)

    def normal(self, k: int) -> Array:
        """Independent standard normal entries, of shape (size, k)."""
        return self.rng.standard_normal((self.size, k))


Family = Callable[[Draw], tuple[Map, Array] | tuple[Map, Array, Array]]
Families = dict[str, tuple[Outcome, Family]]


def family_table(table: Families) -> Callable[[str, Outcome], Callable[[Family], Family]]:
    """A decorator that enters a family into `table` under its name, with its outcome."""

    def named(name: str, truth: Outcome) -> Callable[[Family], Family]:
        def add(f: Family) -> Family:
            table[name] = (truth, f)
            return f

        return add

    return named


def turn(y: Array, r: Array, angle: Array) -> Array:
    """Rotate (size, 2) by `angle` and scale by r."""
    c, s = r * np.cos(angle), r * np.sin(angle)
    return np.stack((c * y[:, 0] - s * y[:, 1], s * y[:, 0] + c * y[:, 1]), axis=1)


def jordan(r: Array, size: int, coupling: Array | float = 1.0) -> Map:
    """One Jordan block of that size, with r on the diagonal and `coupling` above it."""

    def f(y: Array) -> Array:
        new = r[:, None] * y
        new[:, : size - 1] += np.broadcast_to(coupling, r.shape)[:, None] * y[:, 1:]
        return new

    return f


def rational(d: Draw) -> tuple[Array, Array]:
    """Denominators 2 ... 32 and angles 2 pi p/q in lowest terms."""
    q = d.rng.integers(2, 33, d.size)
    p = np.array([d.rng.choice([a for a in range(1, n) if np.gcd(a, n) == 1]) for n in q])
    return q, 2 * np.pi * p / q


def unit(y: Array) -> Array:
    """Vectors along the last axis, divided by their norms."""
    return y / np.linalg.norm(y, axis=-1, keepdims=True)


def circle(angle: Array) -> Array:
    """Points of the unit circle, (size, 2)."""
    return np.stack((np.cos(angle), np.sin(angle)), axis=1)


def moebius(a: Array, b: Array, c: Array) -> Map:
    """z' = c (a z + b)/(conj(b) z + conj(a)), |a| > |b|, |c| = 1: it maps the circle to itself."""

    def f(y: Array) -> Array:
        z = y[:, 0] + 1j * y[:, 1]
        w = c * (a * z + b) / (np.conj(b) * z + np.conj(a))
        return np.stack((w.real, w.imag), axis=1)

    return f


def henon(a: Array, b: Array) -> Map:
    """(x, y) -> (1 - a x^2 + y, b x), one (a, b) per orbit."""
    return lambda y: np.stack((1 - a * y[:, 0] ** 2 + y[:, 1], b * y[:, 0]), axis=1)
