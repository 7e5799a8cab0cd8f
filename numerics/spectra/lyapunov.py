"""Lyapunov exponents along an orbit: QR of the products of Jacobians (Benettin et al. 1980)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...support.errors import UsageError
from ..arrays import Array
from ..loops.protocol import LoopedMap, LoopError, advance, at, packed
from .linearisation import Linearisation, Measurement

BLOCKS = 10
"""Number of blocks of the orbit whose means give the standard errors."""
ROUNDING = 1e-9
"""Relative difference of the two halves that rounding alone may cause."""


@dataclass(frozen=True)
class LyapunovSpectrum(Measurement):
    """The leading Lyapunov exponents of an orbit, in units of 1/iteration.

    Args:
        value: the largest exponent.
        residual: its standard error, from the means over 10 blocks of the orbit.
        products: number of products with J.
        converged: whether both halves of the orbit agree within four standard errors.
        exponents: the leading k exponents, largest first, of shape (k,).
        errors: their standard errors, of shape (k,).
    """

    exponents: Array
    errors: Array


def lyapunov(
    loop: LoopedMap,
    h: Any,
    e: Any,
    k: int = 1,
    *,
    loops: int = 1000,
    skip: int = 200,
    seed: int = 0,
    time: int = 0,
) -> LyapunovSpectrum:
    """Measure the leading k Lyapunov exponents along an orbit.

    The largest exponent is the mean growth rate of a small perturbation: negative where orbits
    converge, positive where they diverge from each other. The tangent directions are carried along
    from the second half of the transient on.

    Args:
        loop: the loop.
        h: the first state of the orbit, of any shape.
        e: the input of the loop.
        k: number of exponents; default 1.
        loops: number of iterations that are averaged, at least 10; default 1000.
        skip: number of iterations of the transient before them; default 200.
        seed: seed of the tangent directions; default 0.
        time: number of the first iteration, where the step depends on it; default 0.

    Returns:
        The exponents with their standard errors; -inf for a direction that collapses.

    Raises:
        UsageError: `loops` is below 10, `skip` is negative, or k is not between 1 and the
            dimension.
        LoopError: the orbit leaves the finite range.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop, lyapunov
        >>> loop = FunctionLoop(lambda h, e: 0.5 * h + e, np.copy)
        >>> found = lyapunov(loop, np.zeros(2), np.ones(2), loops=50, skip=10)
        >>> bool(abs(found.value - np.log(0.5)) < 1e-6), found.converged
        (True, True)
    """
    h = packed(loop, h, e)
    if not 1 <= k <= h.size or loops < BLOCKS or skip < 0:
        raise UsageError(
            f"lyapunov needs 1 <= k <= {h.size}, at least {BLOCKS} loops and skip >= 0, not"
            f" k = {k}, loops = {loops} and skip = {skip}"
        )
    settle = skip // 2
    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(skip - settle):
            h = np.array(advance(at(loop, time + t), h, e), copy=True)
            if not np.isfinite(h).all():
                raise LoopError(
                    f"the orbit leaves the finite range at iteration {t + 1}, so it has no"
                    " exponents: measure fewer iterations, or another start"
                )
    q = np.linalg.qr(np.random.default_rng(seed).standard_normal((h.size, k)))[0]
    logs, products = np.zeros((settle + loops, k)), 0
    first = time + skip - settle
    for t, row in enumerate(logs, first):
        j = Linearisation(at(loop, t), h, e, checked=t > first)
        q, r = np.linalg.qr(np.column_stack([j(column) for column in q.T]))
        with np.errstate(divide="ignore"):
            row[:] = np.log(np.abs(np.diag(r)))
        products, h = products + j.products, j.image
    logs = logs[settle:]
    with np.errstate(invalid="ignore"):
        blocks = np.array([part.mean(axis=0) for part in np.array_split(logs, BLOCKS)])
        errors = blocks.std(axis=0, ddof=1) / np.sqrt(BLOCKS)
        halves = abs(float(blocks[: BLOCKS // 2, 0].mean() - blocks[BLOCKS // 2 :, 0].mean()))
    exponents = logs.mean(axis=0)
    order = np.argsort(-exponents, kind="stable")
    exponents, errors = exponents[order], errors[order]
    agree = halves <= 4 * errors[0] + ROUNDING * abs(exponents[0])
    return LyapunovSpectrum(
        value=float(exponents[0]),
        residual=float(errors[0]),
        products=products,
        converged=bool(agree),
        exponents=exponents,
        errors=errors,
    )
