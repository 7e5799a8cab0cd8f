"""Hypothesis strategies of matrices with a prescribed property; the arrays they shrink to can be
printed and read.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ..arrays import Array
from ..ensembles import matrices as samplers
from ..ensembles.prescribed_spectra import Spectrum, disc
from .fractions import (
    FINEST,
    SIGNS,
    SLOTS,
    bulk,
    entries,
    fractions,
    orthogonals,
    seeds,
    sizes,
    spectra,
    turns,
    unimodulars,
)


@st.composite
def similar(draw: Any, spectrum: SearchStrategy[Spectrum]) -> Array:
    """V D V^{-1} with D the real form of the spectrum and V unimodular: of short fractions when the
    spectrum is.
    """
    drawn = draw(spectrum)
    v, inverse = draw(unimodulars(drawn.size))
    return v @ drawn.form() @ inverse


@st.composite
def normals(draw: Any, spectrum: SearchStrategy[Spectrum]) -> Array:
    """Q D Q^T with Q a product of rational rotations."""
    drawn = draw(spectrum)
    q = draw(orthogonals(drawn.size))
    return q @ drawn.form() @ q.T


def general(size: int, radius: float = 2.0) -> SearchStrategy[Array]:
    """Non-normal matrices with any real spectrum within `radius`."""
    return similar(bulk(size, radius))


def of_radius(
    size: int, radius: SearchStrategy[float], rest: float | None = None
) -> SearchStrategy[Array]:
    """Non-normal matrices whose spectral radius is drawn from `radius`; `rest` bounds the
    eigenvalues that do not lead.
    """
    return similar(spectra(size, radius, rest=rest))


def near_critical(size: int, delta: SearchStrategy[float]) -> SearchStrategy[Array]:
    """Non-normal matrices of spectral radius 1 + delta; eigenvalue, minus eigenvalue or pair on
    that circle.
    """
    return of_radius(size, delta.map(lambda x: 1 + x))


@st.composite
def _pairs(draw: Any, count: int, radius: SearchStrategy[float]) -> Spectrum:
    r, angles = draw(radius), [draw(turns()) for _ in range(count)]
    return Spectrum((), tuple((r * c, r * s) for c, s in angles))


def rotation_blocks(pairs: int, radius: SearchStrategy[float]) -> SearchStrategy[Array]:
    """Non-normal matrices of size 2 `pairs` whose eigenvalues are complex, all of one modulus: no
    real power iteration converges.
    """
    return similar(_pairs(pairs, radius))


@st.composite
def jordans(draw: Any, size: int, value: SearchStrategy[float]) -> Array:
    """V J V^{-1} with one Jordan block of that size, exact; shrinks to the block."""
    v, inverse = draw(unimodulars(size, factors=2, limit=2))
    return v @ samplers.jordan_form((draw(value), size)) @ inverse


@st.composite
def symmetrics(draw: Any, size: int, limit: float = 2.0) -> Array:
    """Symmetric matrices of short fractions."""
    m = draw(entries(size, size, limit))
    return np.tril(m) + np.tril(m, -1).T


@st.composite
def of_rank(draw: Any, size: int, rank: int) -> Array:
    """V diag(s, 0) W, V and W unimodular, s non-zero short fractions: exactly that rank, short
    fractions.
    """
    (v, _), (w, _) = draw(unimodulars(size, 2, 2)), draw(unimodulars(size, 2, 2))
    signed = [draw(SIGNS) * draw(fractions(2**-FINEST, 2)) for _ in range(max(size, SLOTS))]
    return (v * np.where(np.arange(size) < rank, signed[:size], 0.0)) @ w


def invertibles(size: int) -> SearchStrategy[Array]:
    """Matrices of full rank."""
    return of_rank(size, size)


@st.composite
def large(draw: Any, low: int = 8, high: int = 64) -> tuple[int, int]:
    """(size, seed) for `ginibre`, `disc`, ...: what a case holds when the matrix itself is too
    large to print.
    """
    return draw(sizes(low, high)), draw(seeds())


def of_seed(size: int, seed: int, radius: float, departure: float) -> Array:
    """The matrix of a `large` case: spectrum uniform in the disc of that radius, Henrici number
    `departure`.
    """
    rng = np.random.default_rng(seed)
    return samplers.non_normal(rng, disc(rng, size, radius), departure)
