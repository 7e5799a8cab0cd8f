"""Lyapunov exponents along an orbit: QR of the products of Jacobians (Benettin et al. 1980)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...support.errors import UsageError
from ..arrays import Array
from ..loops.protocol import LoopedMap, LoopError, advance
from .linearisation import Linearisation, Measurement


@dataclass(frozen=True)
class LyapunovSpectrum(Measurement):
    """`value`: the largest exponent per loop; `residual`: its standard error over 10 blocks of the
    orbit.

    `exponents`: the leading k, largest first, with their `errors`. `converged`: both halves of the
    orbit agree within 4 errors.
    """

    exponents: Array
    errors: Array


def lyapunov(
    loop: LoopedMap,
    h: Array,
    e: Array,
    k: int = 1,
    *,
    loops: int = 1000,
    skip: int = 200,
    seed: int = 0,
) -> LyapunovSpectrum:
    """Leading k exponents from `loops` loops after a transient of `skip`; a collapsed direction has
    exponent -inf.

    The directions are carried along from the last half of the transient on. Raises `UsageError` for
    fewer than 10 loops or k outside 1 ... dim, `LoopError` for an orbit that leaves the finite
    range.
    """
    h = np.array(h, copy=True)
    if not 1 <= k <= h.size or loops < 10 or skip < 0:
        raise UsageError(
            f"need 1 <= k <= {h.size}, at least 10 loops and skip >= 0, not k = {k}, loops ="
            f" {loops}, skip = {skip}"
        )
    settle = skip // 2
    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(skip - settle):
            h = np.array(advance(loop, h, e), copy=True)
            if not np.isfinite(h).all():
                raise LoopError(
                    f"the orbit leaves the finite range at loop {t + 1}: it has no exponents;"
                    " measure an earlier state"
                )
    q = np.linalg.qr(np.random.default_rng(seed).standard_normal((h.size, k)))[0]
    logs, products = np.zeros((settle + loops, k)), 0
    for row in logs:
        j = Linearisation(loop, h, e)
        q, r = np.linalg.qr(np.column_stack([j(column) for column in q.T]))
        with np.errstate(divide="ignore"):
            row[:] = np.log(np.abs(np.diag(r)))
        products, h = products + j.products, j.image
    logs = logs[settle:]
    with np.errstate(invalid="ignore"):
        blocks = np.array([part.mean(axis=0) for part in np.array_split(logs, 10)])
        errors = blocks.std(axis=0, ddof=1) / np.sqrt(10)
        halves = abs(float(blocks[:5, 0].mean() - blocks[5:, 0].mean()))
    exponents = logs.mean(axis=0)
    order = np.argsort(-exponents, kind="stable")
    exponents, errors = exponents[order], errors[order]
    return LyapunovSpectrum(
        float(exponents[0]),
        float(errors[0]),
        products,
        bool(halves <= 4 * errors[0] + 1e-9 * abs(exponents[0])),
        exponents,
        errors,
    )
