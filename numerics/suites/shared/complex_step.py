"""Derivatives by complex steps, exact to rounding, and the norm in analytic form."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...arrays import Array

UNIT = float(np.finfo(float).eps)
"""The relative rounding error of one operation."""


def complex_step(f: Callable[[Array], Array], x: Array, directions: Array | None = None) -> Array:
    """D f(x), or D f(x) V for `directions` V (n, k), by Im f(x + i t v)/t at t = 1e-30.

    Nothing cancels, so the derivative is exact to rounding. f must be analytic and written without
    abs, max or comparison (Squire and Trapp 1998).
    """
    columns = np.eye(x.size) if directions is None else directions
    return np.stack([np.imag(f(x + 1e-30j * v)) / 1e-30 for v in columns.T], axis=-1)


def normalised(z: Array, eps: float = 0.0) -> Array:
    """z / sqrt(mean z^2 + eps) on the last axis, analytic in z (no conjugate)."""
    return z / np.sqrt(np.mean(z * z, axis=-1, keepdims=True) + eps)


def tangent(h: Array) -> Array:
    """An orthonormal basis (d, d-1) of the complement of h."""
    return np.linalg.svd(h[None])[2][1:].T
