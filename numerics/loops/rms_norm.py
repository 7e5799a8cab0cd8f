"""The normalisation N of one token, and its Jacobian in closed form (N1)."""

from __future__ import annotations

import numpy as np

from ..arrays import Array


def rms_norm(z: Array, gain: Array, eps: float) -> Array:
    """N(z) = gain z / sqrt(mean z^2 + eps).

    Args:
        z: one token, of shape (d,).
        gain: the gain of each coordinate, of shape (d,).
        eps: the constant under the root; 0 puts the image on a sphere of radius sqrt(d).

    Example:
        >>> rms_norm(np.array([3.0, -3.0]), np.ones(2), 0.0)
        array([ 1., -1.])
    """
    return gain * z / np.sqrt(np.mean(z * z) + eps)


def rms_norm_jacobian(z: Array, gain: Array, eps: float) -> Array:
    """(1/s) diag(gain) (I - z z^T / (d s^2)) with s = sqrt(mean z^2 + eps), of shape (d, d).

    The arguments are those of `rms_norm`.
    """
    s2 = np.mean(z * z) + eps
    return gain[:, None] * (np.eye(z.size) - np.outer(z, z) / (z.size * s2)) / np.sqrt(s2)
