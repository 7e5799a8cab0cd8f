"""Hypothesis strategies of matrices with a prescribed property.

Counterexamples shrink to matrices that can be printed and read.
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
    """V D V^{-1} with D the real form of the spectrum and V unimodular.

    The entries are short fractions if the spectrum is.
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
    """Non-normal matrices whose spectral radius is drawn from `radius`.

    `rest` bounds the moduli of the eigenvalues that do not lead.
    """
    return similar(spectra(size, radius, rest=rest))


def near_critical(size: int, delta: SearchStrategy[float]) -> SearchStrategy[Array]:
    """Non-normal matrices of spectral radius 1 + delta.

    The leading eigenvalue is positive, negative or a complex pair.
    """
    return of_radius(size, delta.map(lambda x: 1 + x))


@st.composite
def _pairs(draw: Any, count: int, radius: SearchStrategy[float]) -> Spectrum:
    r, angles = draw(radius), [draw(turns()) for _ in range(count)]
    return Spectrum((), tuple((r * c, r * s) for c, s in angles))


def rotation_blocks(pairs: int, radius: SearchStrategy[float]) -> SearchStrategy[Array]:
    """Non-normal matrices of size 2 `pairs` with complex eigenvalues, all of one modulus.

    No real power iteration converges on them.
    """
    return similar(_pairs(pairs, radius))


@st.composite
def jordans(draw: Any, size: int, value: SearchStrategy[float]) -> Array:
    """V J V^{-1} with one Jordan block of the given size; exact, and shrinks to the block."""
    v, inverse = draw(unimodulars(size, factors=2, limit=2))
    return v @ samplers.jordan_form((draw(value), size)) @ inverse


@st.composite
def symmetrics(draw: Any, size: int, limit: float = 2.0) -> Array:
    """Symmetric matrices of short fractions."""
    m = draw(entries(size, size, limit))
    return np.tril(m) + np.tril(m, -1).T


@st.composite
def of_rank(draw: Any, size: int, rank: int) -> Array:
    """Matrices of short fractions with exactly the given rank.

    They are V diag(s, 0) W with unimodular V and W and non-zero short fractions s.
    """
    (v, _), (w, _) = draw(unimodulars(size, 2, 2)), draw(unimodulars(size, 2, 2))
    signed = [draw(SIGNS) * draw(fractions(2**-FINEST, 2)) for _ in range(max(size, SLOTS))]
    return (v * np.where(np.arange(size) < rank, signed[:size], 0.0)) @ w


def invertibles(size: int) -> SearchStrategy[Array]:
    """Matrices of full rank."""
    return of_rank(size, size)


@st.composite
def large(draw: Any, low: int = 8, high: int = 64) -> tuple[int, int]:
    """(size, seed) for the samplers of `ensembles`, where the matrix is too large to print."""
    return draw(sizes(low, high)), draw(seeds())


def of_seed(size: int, seed: int, radius: float, departure: float) -> Array:
    """The matrix of a `large` case.

    Its spectrum is drawn from the disc of the given radius; its Henrici number is `departure`.
    """
    rng = np.random.default_rng(seed)
    return samplers.non_normal(rng, disc(rng, size, radius), departure)
