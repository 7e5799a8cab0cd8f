"""Linear loops of matrices with known spectra, with derivatives of every kind."""

import numpy as np
from scipy.linalg import block_diag

from loopstab import FunctionLoop
from loopstab.numerics.spectra.linearisation import Linearisation


def rotation(r, angle=1.0):
    return r * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def ginibre(n, radius, seed=0):
    return radius * np.random.default_rng(seed).standard_normal((n, n)) / np.sqrt(n)


def disguised(m, seed=0):
    """The same matrix in another orthonormal basis."""
    q = np.linalg.qr(np.random.default_rng(seed).standard_normal(m.shape))[0]
    return q @ m @ q.T


def linear(m, kind="own", k=None):
    """The loop h' = m h + k e with derivatives of the given kind."""
    k = np.eye(len(m)) if k is None else k
    own = (
        {}
        if kind == "difference"
        else {"jvp": lambda h, e, v: m @ v, "input_jvp": lambda h, e, v: k @ v}
    )
    if kind == "vjp":
        own |= {"vjp": lambda h, e, u: m.T @ u, "input_vjp": lambda h, e, w: k.T @ w}
    return FunctionLoop(lambda h, e: m @ h + k @ e, lambda e: np.zeros(len(m)), **own)


def at(m, kind="own", k=None):
    """The Jacobian of `linear` at the fixed point, if the loop has one."""
    e = np.ones(len(m) if k is None else k.shape[1])
    h = np.linalg.lstsq(np.eye(len(m)) - m, e if k is None else k @ e)[0]
    return Linearisation(linear(m, kind, k), h, e)


CASES = {
    "ginibre": ginibre(90, 0.7),
    "rotation blocks": block_diag(
        *(rotation(r, 1 + i) for i, r in enumerate(np.linspace(0.3, 0.9, 35)))
    ),
    "pairs of one modulus": disguised(
        block_diag(*(rotation(0.9, a) for a in (0.5, 1.1, 2.3)), 0.3 * np.eye(80))
    ),
    "non-normal": np.diag(np.linspace(0.1, 0.9, 12)) + np.diag(np.full(11, 2.0), 1),
    "non-normal, large": disguised(
        np.diag(np.linspace(0.1, 0.9, 80)) + np.triu(0.1 * ginibre(80, 1.0), 1)
    ),
    "near-degenerate": disguised(
        np.diag(np.concatenate(([0.95, -0.9499, 0.9498], np.linspace(0, 0.8, 97))))
    ),
    "symmetric": (ginibre(100, 0.5) + ginibre(100, 0.5).T) / 2,
    "nilpotent": np.diag(np.ones(69), 1),
    "rank one": np.outer(np.ones(100), np.linspace(0, 0.01, 100)),
    "zero": np.zeros((70, 70)),
    "one by one": np.array([[-0.7]]),
}
