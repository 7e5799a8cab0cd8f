"""Which assumptions of R1 fail at a case of a linear loop h' = M h + B e + c."""

from __future__ import annotations

from collections.abc import Iterator
from math import lgamma, log

import numpy as np

from ...arrays import Array
from ...attack.suite import Case
from .assumed_recall import ROUNDING, radius, require, sized
from .exact_orbits import exact, identity

DECAYED = 1e-9
"""What must be left of |M^t| after the iterations that a judge makes, for M^t -> 0 to be seen."""
SPREAD = 1e-12
"""How far M^T M may be from rho^2 I, relatively, by the rounding of rational rotations."""


def _shapes(case: Case, **vectors: tuple[int, ...]) -> int:
    d = len(case["M"])
    sized(case, M=(d, d), **vectors)
    return d


def _remains(matrix: Array, rho: float, loops: int) -> float:
    """Henrici's bound of |M^t|: Sum_{k<d} C(t, k) rho^(t-k) |M|_F^k."""
    if rho == 0:
        return 0.0 if loops >= len(matrix) else np.inf
    size = max(float(np.linalg.norm(matrix)), rho)
    logs = [
        lgamma(loops + 1)
        - lgamma(k + 1)
        - lgamma(loops - k + 1)
        + (loops - k) * log(rho)
        + k * log(size)
        for k in range(len(matrix))
    ]
    return float(np.exp(logs).sum())


def _contracts(matrix: Array, loops: int) -> bool:
    """`contractive`; undecided where rho(M) < 1, but M^t need not be small after these loops."""
    rho = radius(matrix)
    if rho >= 1 - ROUNDING:
        return False
    left = _remains(matrix, rho, loops)
    require(left <= DECAYED, f"rho(M) = {rho:.6g}, and |M^t| may be {left:.3g} after {loops} loops")
    return True


def reachable(case: Case, loops: int) -> Iterator[str]:
    """For orbits that are followed for `loops` iterations."""
    d = len(case["M"])
    _shapes(case, B=(d, d), c=(d,), e=(d,), h0=(d,))
    if not _contracts(case["M"], loops):
        yield "contractive"


def unrolled(case: Case) -> Iterator[str]:
    """For differences after t iterations; q is the factor of the square that bends the map."""
    d = len(case["M"])
    _shapes(case, B=(d, d), c=(d,), e=(d,), Dh0=(d, d), q=())
    require(1 <= case["t"] <= 64, "t is not a drawn number of loops")
    require((identity(d) - exact(case["M"])).det() != 0, "1 is an eigenvalue of M")
    if case["q"] != 0:
        yield "linear"


def dependence(case: Case, loops: int) -> Iterator[str]:
    """For the rank of S, whose singular values must lie well above the rounding of S."""
    d = len(case["M"])
    _shapes(case, B=(d, d), c=(d,), e=(d,))
    rank = exact(case["B"]).rank()
    if rank == 0:
        yield "recall"
    if not _contracts(case["M"], loops):
        yield "contractive"
        return
    gap = np.eye(d) - case["M"]
    size = float(np.linalg.norm(np.linalg.inv(gap), 2) * np.linalg.norm(case["B"], 2))
    require(d * np.finfo(float).eps * size < 1e-7, f"|S| may be {size:.3g}, which is rounded")
    if rank:
        least = np.linalg.svd(case["B"], compute_uv=False)[rank - 1] / np.linalg.norm(gap, 2)
        require(least > 1e-5, f"a singular value of S may be {least:.3g}")


def blow_up(case: Case) -> Iterator[str]:
    """For the bound of |S| by sigma_min(B), which holds whatever rho(M) is."""
    d = len(case["M"])
    _shapes(case, B=(d, d))
    require((identity(d) - exact(case["M"])).det() != 0, "1 is an eigenvalue of M")
    if exact(case["B"]).rank() < d:
        yield "invertible"


def iterations(case: Case) -> Iterator[str]:
    """For the number of iterations until |h_t| <= tol, where |h_{t+1}| = rho |h_t| at every h_t.

    `one_modulus` is M^T M = rho^2 I. Rounding moves the predicted number by `loops` times the
    deviation of |M h|/(rho |h|) from 1, over |log rho|.
    """
    d = len(case["M"])
    _shapes(case, h0=(d,), rho=(), tol=())
    m, rho, size = case["M"], case["rho"], float(np.linalg.norm(case["h0"]))
    require(rho > 0 and 0 < case["tol"] < size, "rho, tol and |h_0| - tol are not all positive")
    found = radius(m)
    require(abs(found - rho) <= ROUNDING * rho, f"rho(M) is {found:.6g}, not {rho:.6g}")
    if found >= 1 - ROUNDING:
        yield "contractive"
        return
    off = float(np.linalg.norm(m.T @ m / rho**2 - np.eye(d), 2))
    require(off <= SPREAD or off >= 0.1, f"M^T M is only {off:.3g} from rho^2 I")
    if off > SPREAD:
        yield "one_modulus"
    loops = log(case["tol"] / size) / log(rho)
    shift = loops * ((off if off <= SPREAD else 0) + 4 * d * np.finfo(float).eps) / abs(log(rho))
    require(shift < 1e-9, f"rounding moves the number of loops by {shift:.2g}")
