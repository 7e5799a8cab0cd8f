"""The neutral directions of a fixed point: a line or manifold of fixed points passes through it."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import eig
from scipy.sparse.linalg import ArpackError, ArpackNoConvergence, LinearOperator, eigs

from ..arrays import Array
from ..loops.protocol import LoopError
from ..orbits.diagnosis import Neutral
from ..spectra.linearisation import Linearisation

WHOLE = 512
"""Largest dimension at which all eigenvalues are computed, with one product for each dimension."""
FEW, MOST = 8, 64
"""Eigenvalues that are computed beyond it: the first number, doubled while all of them are 1."""
ERRORS = 10
"""An eigenvalue within this many of its errors of 1 counts as 1."""
MOST_NEAR = 0.03
"""An eigenvalue farther from 1 is none, however large the errors are."""
LEAST_OVERLAP = 1e-3
"""Least overlap of left and right eigenvectors that counts: among equal eigenvalues the vectors are
arbitrary, and their overlap says nothing about the error."""
PRODUCTS = 2000
"""Largest number of products with J beyond it, for each attempt."""


def neutral_space(j: Linearisation, error: float, *, seed: int = 0) -> Neutral | None:
    """The eigenvectors of J for the eigenvalue 1, within the error of the eigenvalues.

    Args:
        j: the linearisation at a fixed point.
        error: absolute error of the leading eigenvalue.
        seed: seed of the solver.

    Returns:
        The space, or None if no eigenvalue is 1.
    """
    if j.n <= WHOLE:
        return _whole(j.dense(), max(j.error, j.unit))
    near = min(ERRORS * max(error, j.error, j.unit), MOST_NEAR)
    try:
        right = _near_one(j.n, j, near, seed)
        left = None if j.adjoint_of == "columns" else _near_one(j.n, j.adjoint, near, seed)
    except (ArpackError, LoopError):
        return None
    if not len(right):
        return None
    return Neutral(len(right), right, left, complete=False)


def _whole(matrix: Array, relative: float) -> Neutral | None:
    found: Any = eig(matrix, left=True, right=True)
    values, left, right = found
    overlap = np.abs(np.sum(left.conj() * right, axis=0))
    errors = relative * np.linalg.norm(matrix) / np.maximum(overlap, LEAST_OVERLAP)
    near = np.abs(values - 1) <= np.minimum(ERRORS * errors, MOST_NEAR)
    if not near.any():
        return None
    directions = _orthonormal(right[:, near].T)
    conserved = _orthonormal(left[:, near].T)
    return Neutral(len(directions), directions, conserved, complete=True)


def _near_one(n: int, product: Any, near: float, seed: int) -> Array:
    """An orthonormal basis of the eigenvectors for eigenvalues near 1, among the leading ones."""
    k = FEW
    start = np.random.default_rng(seed).standard_normal(n)
    make: Any = LinearOperator  # the stubs of SciPy lack keywords
    solve: Any = eigs
    operator = make((n, n), matvec=product, dtype=float)
    while True:
        most = max(1, PRODUCTS // (2 * k))
        last = k >= min(MOST, n // 4)
        try:
            found = solve(operator, k=k, which="LM", v0=start, tol=near / 100, maxiter=most)
        except ArpackNoConvergence as partial:  # those that converged count
            found, last = (partial.eigenvalues, partial.eigenvectors), True
        values, vectors = found
        ones = np.abs(values - 1) <= near
        if last or not ones.all():
            return _orthonormal(vectors[:, ones].T) if ones.any() else np.empty((0, n))
        k *= 2


def _orthonormal(rows: Array) -> Array:
    """A real orthonormal basis of the span of some rows and their conjugates."""
    real = np.concatenate((np.real(rows), np.imag(rows)))
    _, sizes, basis = np.linalg.svd(real, full_matrices=False)
    return basis[: max(1, min(len(rows), int((sizes > 1e-8 * sizes[0]).sum())))]
