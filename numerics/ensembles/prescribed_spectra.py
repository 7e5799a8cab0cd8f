"""Spectra of real matrices: real eigenvalues and complex pairs.

The spectrum is drawn first and the matrix made from it, so it is known without an eigensolver.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...support.errors import UsageError
from ..arrays import Array


@dataclass(frozen=True)
class Spectrum:
    """The spectrum of a real matrix, with multiplicity.

    Args:
        real: the real eigenvalues; default none.
        pairs: the complex pairs re +- i im as (re, im) with im > 0; default none.
    """

    real: tuple[float, ...] = ()
    pairs: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        if not np.isfinite(self.values()).all() or any(im <= 0 for _, im in self.pairs):
            raise UsageError("a spectrum needs finite eigenvalues, and pairs (re, im) with im > 0")

    @property
    def size(self) -> int:
        """The dimension of the matrix."""
        return len(self.real) + 2 * len(self.pairs)

    @property
    def radius(self) -> float:
        """The largest modulus; 0 for the empty spectrum."""
        return float(np.abs(self.values()).max(initial=0.0))

    def values(self) -> Array:
        """The eigenvalues as a complex array (size,): the real ones, then those of each pair."""
        both = [complex(re, sign * im) for re, im in self.pairs for sign in (1, -1)]
        return np.array([*self.real, *both], dtype=complex)

    def form(self) -> Array:
        """The real normal matrix with this spectrum.

        It has the real eigenvalues on the diagonal, then the blocks [[re, -im], [im, re]].
        """
        out = np.zeros((self.size, self.size))
        out[range(len(self.real)), range(len(self.real))] = self.real
        for k, (re, im) in enumerate(self.pairs):
            i = len(self.real) + 2 * k
            out[i : i + 2, i : i + 2] = [[re, -im], [im, re]]
        return out

    def times(self, factor: float) -> Spectrum:
        """All eigenvalues multiplied by a positive factor."""
        return Spectrum(
            tuple(factor * x for x in self.real),
            tuple((factor * re, factor * im) for re, im in self.pairs),
        )


def disc(
    rng: np.random.Generator, size: int, radius: float = 1.0, pairs: int | None = None
) -> Spectrum:
    """Complex pairs from the disc and real eigenvalues from its diameter.

    They are uniform, then scaled so that the largest modulus is `radius`. `pairs` is the number
    of complex pairs; by default it is drawn uniformly.
    """
    _check(size, radius)
    count = int(rng.integers(0, size // 2 + 1)) if pairs is None else pairs
    if not 0 <= 2 * count <= size:
        raise UsageError(
            f"{count} complex pairs do not fit into {size} eigenvalues: use at most {size // 2}"
        )
    modulus, angle = np.sqrt(rng.uniform(0.01, 1, count)), rng.uniform(0.02, np.pi - 0.02, count)
    drawn = Spectrum(
        tuple(rng.uniform(-1, 1, size - 2 * count).tolist()),
        tuple(
            zip((modulus * np.cos(angle)).tolist(), (modulus * np.sin(angle)).tolist(), strict=True)
        ),
    )
    return drawn.times(radius / drawn.radius)


def near_critical(rng: np.random.Generator, size: int, delta: float, bulk: float = 0.9) -> Spectrum:
    """A spectrum of radius 1 + `delta`; negative values of `delta` are allowed.

    The leading eigenvalue is positive, negative or a complex pair. The others have moduli of at
    most `bulk`.
    """
    _check(size, 1 + delta)
    kind = int(rng.integers(3 if size > 1 else 2))
    rest = size - (2 if kind == 2 else 1)
    inner = disc(rng, rest, min(bulk, 1 + delta) * rng.uniform()) if rest else Spectrum()
    if kind < 2:
        return Spectrum(((1 - 2 * kind) * (1 + delta), *inner.real), inner.pairs)
    angle = rng.uniform(0.05, np.pi - 0.05)
    return Spectrum(
        inner.real,
        (((1 + delta) * float(np.cos(angle)), (1 + delta) * float(np.sin(angle))), *inner.pairs),
    )


def rotations(rng: np.random.Generator, size: int, radius: float = 1.0) -> Spectrum:
    """Complex pairs of modulus `radius` at uniform angles, and +-`radius` where the size is odd.

    No real power iteration converges on such a spectrum.
    """
    _check(size, radius)
    angles = rng.uniform(0.05, np.pi - 0.05, size // 2)
    odd = (float(rng.choice((-1, 1))) * radius,) * (size % 2)
    return Spectrum(
        odd, tuple((radius * float(np.cos(a)), radius * float(np.sin(a))) for a in angles)
    )


def _check(size: int, radius: float) -> None:
    if size < 1 or not (np.isfinite(radius) and radius > 0):
        raise UsageError(
            f"a spectrum needs size >= 1 and a finite radius > 0, not {size} and {radius}"
        )
