"""Hypothesis strategies of rational points of spheres, of rotations, and of matrices made of them.

The matrices have prescribed singular values or a bounded spectrum. Counterexamples shrink to
arrays that can be printed, and nothing is filtered.
"""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from ..arrays import Array
from .fractions import fractions


def arrays(
    shape: int | tuple[int, ...], low: float = -1.0, high: float = 1.0
) -> SearchStrategy[Array]:
    """Arrays of multiples of 1/16 in [low, high]."""
    size = int(np.prod(shape))
    return st.lists(fractions(low, high), min_size=size, max_size=size).map(
        lambda x: np.array(x, dtype=float).reshape(shape)
    )


def matrices(d: int, size: float = 1.0) -> SearchStrategy[Array]:
    """Square matrices of multiples of 1/16 in [-size, size]."""
    return arrays((d, d), -size, size)


@st.composite
def spheres(draw: DrawFn, d: int) -> Array:
    """Rational points of the sphere of radius sqrt(d).

    They are +-(1, ..., 1), reflected across a hyperplane whose normal vector has integer entries.
    """
    axis = np.array(
        [draw(st.integers(1, 4)), *(draw(st.integers(-4, 4)) for _ in range(d - 1))], dtype=float
    )
    point = 1 - 2 * axis.sum() / (axis @ axis) * axis
    return -point if draw(st.booleans()) else point


def _turn(t: float, r: float = 1.0) -> Array:
    """r times the rotation of the plane by the angle 2 atan(t)."""
    return r * np.array([[1 - t * t, -2 * t], [2 * t, 1 - t * t]]) / (1 + t * t)


@st.composite
def rotations(draw: DrawFn, d: int) -> Array:
    """Products of rational Givens rotations of neighbouring coordinates; they shrink to I.

    Each has the cosine (1 - t^2)/(1 + t^2) and the sine 2 t/(1 + t^2).
    """
    q = np.eye(d)
    for _ in range(2 if d > 2 else 1):
        for i in range(d - 1):
            t = draw(fractions(-2, 2))
            turn = np.eye(d)
            turn[i : i + 2, i : i + 2] = _turn(t)
            q = q @ turn
    return q


@st.composite
def stretched(draw: DrawFn, d: int, low: float, high: float, top: float | None = None) -> Array:
    """U diag(s) V^T with rotations U and V and entries s in [low, high] of either sign.

    The first entry of s is `top` if that is given.
    """
    sizes = draw(arrays(d, low, high))
    s = sizes * np.array([draw(st.sampled_from((1.0, -1.0))) for _ in range(d)])
    if top is not None:
        s[0] = top
    return (draw(rotations(d)) * s) @ draw(rotations(d)).T


@st.composite
def spectra(draw: DrawFn, d: int, radius: float) -> Array:
    """Real block forms whose eigenvalues have moduli of at most `radius`.

    The eigenvalues are real, or pairs r (c +- i s) at a rational angle.
    """
    block, i = np.zeros((d, d)), 0
    while i < d:
        r = draw(fractions(-radius, radius))
        if i + 1 < d and draw(st.booleans()):
            t = draw(fractions(-2, 2))
            block[i : i + 2, i : i + 2] = _turn(t, r)
            i += 2
        else:
            block[i, i] = r
            i += 1
    return block


def show(x: Array) -> str:
    """The array as text in one line, with four digits."""
    array = np.asarray(x)
    text = np.array2string(array, precision=4, separator=", ", suppress_small=True, threshold=60)
    return text.replace("\n", "")
