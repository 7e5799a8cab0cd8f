"""Lyapunov exponents along an orbit: QR of the products of Jacobians (Benettin et al. 1980)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from numerics.loop import Array, LoopedMap, advance
from numerics.spectrum import JacobianProduct
from theory.errors import UsageError


@dataclass(frozen=True)
class LyapunovSpectrum:
    """Leading `exponents` per loop, largest first, their standard `errors` over 10 blocks of the orbit, products used."""

    exponents: Array
    errors: Array
    products: int


def lyapunov(loop: LoopedMap, h: Array, e: Array, k: int = 1, *, loops: int = 1000, skip: int = 200, seed: int = 0) -> LyapunovSpectrum:
    """Leading k exponents from `loops` loops after a transient of `skip`; a collapsed direction has exponent -inf.

    Raises `UsageError` for fewer than 10 loops or k outside 1 ... dim.
    """
    h = np.array(h, copy=True)
    if not 1 <= k <= h.size or loops < 10:
        raise UsageError(f"need 1 <= k <= {h.size} and at least 10 loops, not k = {k}, loops = {loops}")
    for _ in range(skip):
        h = np.array(advance(loop, h, e), copy=True)
    q = np.linalg.qr(np.random.default_rng(seed).standard_normal((h.size, k)))[0]
    logs, products = np.zeros((loops, k)), 0
    for t in range(loops):
        product = JacobianProduct(loop, h, e)
        q, r = np.linalg.qr(np.column_stack([product(column) for column in q.T]))
        with np.errstate(divide="ignore"):
            logs[t] = np.log(np.abs(np.diag(r)))
        products += product.products
        h = np.array(advance(loop, h, e), copy=True)
    with np.errstate(invalid="ignore"):
        blocks = np.array([part.mean(axis=0) for part in np.array_split(logs, 10)])
        errors = blocks.std(axis=0, ddof=1) / np.sqrt(10)
    order = np.argsort(-logs.mean(axis=0), kind="stable")
    return LyapunovSpectrum(logs.mean(axis=0)[order], errors[order], products)
