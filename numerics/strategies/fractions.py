"""Hypothesis strategies of numbers, vectors, spectra and changes of basis.

Counterexamples shrink to short fractions. Everything is drawn and nothing is filtered. Numbers are
n/2^k with k <= 4, integers first, and exact in float64. Changes of basis are products of integer
elementary matrices, with an exact inverse, or of rational Givens rotations.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache
from itertools import permutations
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ...support.errors import UsageError
from ..arrays import Array
from ..ensembles.prescribed_spectra import Spectrum

FINEST = 4
"""Numbers are multiples of 2^-4."""
SLOTS = 3
"""Numbers that are drawn at least, whatever the size.

So the size can shrink while the other draws stay the same.
"""
TURNS = tuple(map(Fraction, ("1", "1/2", "2", "1/3", "3", "2/3", "3/2", "1/5", "5")))
"""Parameters t > 0 of the rotations with (cos, sin) = (1 - t^2, 2 t)/(1 + t^2), simplest first.

t = 1 is the quarter turn.
"""

SIGNS = st.sampled_from((1.0, -1.0))
"""Signs, which shrink to 1."""
_TURNS = st.sampled_from(TURNS)
_TURNS_OR_NONE = st.sampled_from((Fraction(0), *TURNS))
_BOOLEANS = st.booleans()
_integers = cache(st.integers)


@cache  # one object per range: Hypothesis validates a strategy once
def fractions(low: float, high: float, *, inside: bool = False) -> SearchStrategy[float]:
    """Multiples of 1/16 in [low, high], or strictly between with `inside`.

    They shrink to integers, then to halves, and towards 0.
    """
    values = []
    # multiples of 2^-k are listed for every k, simplest first: coarse numbers are drawn more often
    for k in range(FINEST + 1):
        level = [n / 2**k for n in range(math.ceil(low * 2**k), math.floor(high * 2**k) + 1)]
        values += sorted(
            (x for x in level if not inside or low < x < high), key=lambda x: (abs(x), -x)
        )
    if not values:
        raise UsageError(
            f"no multiple of 1/{2**FINEST} lies between {low} and {high}: give a wider range"
        )
    return st.sampled_from(values)


def sizes(low: int = 1, high: int = 4) -> SearchStrategy[int]:
    """Dimensions, which shrink to small ones."""
    return st.integers(low, high)


def seeds() -> SearchStrategy[int]:
    """Seeds of the samplers, for matrices and inputs too large to be printed."""
    return st.integers(0, 2**31 - 1)


@st.composite
def vectors(draw: Any, size: int, limit: float = 4.0) -> Array:
    """Vectors of short fractions in [-limit, limit]."""
    return np.array([draw(fractions(-limit, limit)) for _ in range(max(size, SLOTS))][:size])


@st.composite
def entries(draw: Any, rows: int, columns: int, limit: float = 2.0) -> Array:
    """Matrices of independent short fractions in [-limit, limit]."""
    return np.array([draw(vectors(columns, limit)) for _ in range(max(rows, SLOTS))][:rows])


@st.composite
def unimodulars(draw: Any, size: int, factors: int = 3, limit: int = 3) -> tuple[Array, Array]:
    """(V, V^{-1}), both of integers; they shrink to the identity.

    V is a product of at most `factors` elementary matrices I + k E_ij with |k| <= `limit`.
    """
    v, inverse = np.eye(size), np.eye(size)
    for _ in range(factors):
        i, j = draw(planes(max(size, 2)))
        k = float(draw(_integers(-limit, limit)))
        if size > 1:
            v[:, j] += k * v[:, i]
            inverse[i] -= k * inverse[j]
    return v, inverse


@st.composite
def orthogonals(draw: Any, size: int, factors: int = 2) -> Array:
    """Products of `factors` rational Givens rotations.

    They shrink to the identity, then to quarter turns.
    """
    q = np.eye(size)
    for _ in range(factors):
        i, j = draw(planes(max(size, 2)))
        c, s = draw(turns(negative=True, none=True))
        if size > 1:
            q[:, [i, j]] = q[:, [i, j]] @ np.array([[c, -s], [s, c]])
    return q


@cache
def planes(size: int) -> SearchStrategy[tuple[int, int]]:
    """Ordered pairs of different coordinates, in an order that does not depend on the size."""
    return st.sampled_from(sorted(permutations(range(size), 2), key=lambda pair: (max(pair), pair)))


@st.composite
def turns(draw: Any, *, negative: bool = False, none: bool = False) -> tuple[float, float]:
    """(cos, sin) of rational rotations, never a half turn.

    The sine is positive, or of either sign with `negative`. The identity occurs only with `none`.
    """
    t = draw(_TURNS_OR_NONE if none else _TURNS)
    sign = draw(SIGNS) if negative else 1
    return float((1 - t * t) / (1 + t * t)), float(sign * 2 * t / (1 + t * t))


@st.composite
def directions(draw: Any, size: int) -> Array:
    """Unit vectors: plus or minus the first basis vector, turned by `orthogonals`."""
    return draw(orthogonals(size))[:, 0] * draw(SIGNS)


@st.composite
def bulk(draw: Any, size: int, radius: float) -> Spectrum:
    """Eigenvalues and pairs of short fractions with moduli of at most `radius`; shrinks to zeros.

    In a pair a +- i b, a is drawn first, and then b > 0 such that the modulus stays in range.
    """
    real, pairs, step = [], [], 2.0**-FINEST
    widest = math.sqrt(max(radius * radius - step * step, 0))
    for _ in range(max(size, SLOTS)):
        paired, a = draw(_BOOLEANS), draw(fractions(-radius, radius))
        b = 0.0
        if paired and abs(a) <= widest and radius >= step:
            b = draw(fractions(step, math.sqrt(radius * radius - a * a)))
        if b and len(real) + 2 * len(pairs) + 2 <= size:
            pairs.append((a, b))
        elif len(real) + 2 * len(pairs) < size:
            real.append(a)
    return Spectrum(tuple(real), tuple(pairs))


@st.composite
def spectra(
    draw: Any,
    size: int,
    radius: SearchStrategy[float],
    *,
    pair: bool | None = None,
    rest: float | None = None,
) -> Spectrum:
    """Spectra whose largest modulus r is drawn from `radius`.

    The leading eigenvalue is r, -r or a complex pair at a rational angle; `pair` says whether a
    pair leads (by default it is drawn), which needs size >= 2 and r > 0. The other moduli are at
    most `rest`, by default r. Shrinks to (r, 0, ..., 0), and a leading pair to +- i r.
    """
    r = draw(radius)
    kinds = [
        k
        for k in ("+", "-", "pair")
        if (k != "pair" or (size > 1 and r > 0)) and (pair is None or pair == (k == "pair"))
    ]
    if not kinds:
        raise UsageError("a leading pair needs at least two eigenvalues and a radius > 0")
    kind = draw(st.sampled_from(kinds))
    c, s = draw(turns())
    others = draw(bulk(size - (2 if kind == "pair" else 1), r if rest is None else rest))
    if kind == "pair":
        return Spectrum(others.real, ((r * c, r * s), *others.pairs))
    return Spectrum((r if kind == "+" else -r, *others.real), others.pairs)
